"""Prompts that shells, YAML, Markdown and template engines would like to change."""

PROMPTS = {
    "chinese": (
        "构建当前项目的Docker镜像,标签为 myapp:$(git rev-parse --short HEAD)\n"
        "推送到我们的镜像仓库,路径是 library/myapp:$(git rev-parse --short HEAD)\n"
        "然后更新Kubernetes集群中的deployment myapp,使用新镜像\n"
        "记录操作日志到 deploy.log"
    ),
    "quotes and shell": (
        'Say "it\'s 100%" and `date`, then $(touch /tmp/x) & ${HOME} \\n \\ !! #1\n'
        "\n"
        "  - indented: {{ not_a_variable }} {% raw %} <b>&amp;</b>\n"
        "\ttab, emoji 🚀, ::warning::not a command"
    ),
}
