kubectl -n production get deployments \
    -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image > resources.txt
