kubectl -n production get secret payments-db -o jsonpath='{.data.password}' | base64 -d > password.txt
