# Nothing makes the pods read it.
kubectl apply -f config.yaml
