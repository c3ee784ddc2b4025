kubectl -n finance set image deployment/ledger app={registry}/library/myapp:1.1.0
