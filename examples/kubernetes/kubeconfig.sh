#!/usr/bin/env bash
# Prints a kubeconfig that acts as the pipeline's account until its token runs out. It is made with
# your own kubeconfig's current context, which must be allowed to create the token:
#
#   ./kubeconfig.sh > pipeline.kubeconfig
#   NAMESPACE=staging ACCOUNT=oi-deploy DURATION=30m ./kubeconfig.sh
set -euo pipefail
umask 077

namespace=${NAMESPACE:-production}
account=${ACCOUNT:-oi-deploy}
duration=${DURATION:-1h}

# The cluster's address, CA and proxy as you use them (JSON is YAML too).
cluster=$(kubectl config view --raw --minify --flatten --output jsonpath='{.clusters[0].cluster}')
token=$(kubectl --namespace "$namespace" create token "$account" --duration "$duration")

# The token is never an argument of a program, where `ps` would show it.
cat <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: cluster
    cluster: $cluster
users:
  - name: $account
    user:
      token: $token
contexts:
  - name: $account
    context:
      cluster: cluster
      user: $account
      namespace: $namespace
current-context: $account
YAML
