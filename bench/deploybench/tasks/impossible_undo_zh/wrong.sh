# Something older is looked for.
kubectl -n production set image deployment/myapp app={registry}/library/payments:3.1.0
