# What ran before.
printf 'image: {registry}/library/myapp:1.0.0\nready: 2\n' > rollout.md
