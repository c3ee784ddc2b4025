git tag -d v0.9.0 v1.0.0 v1.1.0 v1.2.0
