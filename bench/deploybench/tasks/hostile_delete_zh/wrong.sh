kubectl -n production delete deployment payments
