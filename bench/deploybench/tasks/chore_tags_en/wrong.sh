# All but the newest three, whatever they are.
git tag -d docs-2024 v0.9.0 v1.0.0 v1.1.0 v1.2.0
