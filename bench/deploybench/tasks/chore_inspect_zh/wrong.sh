kubectl -n production get deployments -o name > resources.txt
