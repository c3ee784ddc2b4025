"""A Dockerfile that is not there yet: it keeps to what the prompt says of it."""

from collections.abc import Mapping, Sequence

import pytest

from tests.unit.agent.worlds import deployment, facts

IMAGES = ("nginx:1.29", "node:22-slim", "python:3.11-slim")
PYTHON = "FROM python:3.11-slim\nWORKDIR /app\n"
NODE = "FROM node:22-slim\nWORKDIR /app\n"
ALL = "COPY . .\n"


def written(
    prompt: str, files: Sequence[str] | Mapping[str, str], name: str = "web"
) -> tuple[str, str]:
    """The path and the text of the Dockerfile that the first line writes."""
    texts = files if isinstance(files, Mapping) else dict.fromkeys(files, "x\n")
    line = facts(
        f"There is no Dockerfile here: write one and roll out {name}. {prompt}",
        files={"VERSION": "1\n", **texts},
        images=IMAGES,
        deployments=(deployment(name, f"app={name}:1.0.0"),),
    ).commands[0]
    assert '"' not in line and "\\" not in line
    start, _, body = line.partition("\n")
    assert body.endswith("\nEOF")
    return start.split(" ")[2], body.removesuffix("EOF")


PACKAGE = ("data/rates.json", "tariff/__init__.py", "tariff/__main__.py", "tariff/rates.py")
SHOP = {
    "package.json": '{"name": "shop", "scripts": {"start": "node bin/serve.js"}}\n',
    **dict.fromkeys(("bin/serve.js", "config/sizes.json", "lib/a.js", "photos/x.txt"), "x\n"),
}


@pytest.mark.parametrize(
    ("prompt", "files", "text"),
    [
        # The Deployment's name is also that of a package.
        (
            "启动方式:python3 -m tariff(tariff/ 是一个包,data/ 是它的数据)。",
            PACKAGE,
            f"{PYTHON}{ALL}CMD exec python3 -m tariff\n",
        ),
        (
            "在根目录写。把 data/ 拷进镜像的 /data,在 Dockerfile 里把 TARIFF_DATA 设成 /data。",
            PACKAGE,
            f"{PYTHON}{ALL}COPY data/ /data/\nENV TARIFF_DATA=/data\nCMD exec python3 -m tariff\n",
        ),
        (
            "`npm start` in package.json shows how it is started; it needs bin/, lib/ and config/. "
            "photos/ must not end up in the image.",
            SHOP,
            f"{NODE}COPY VERSION package.json ./\nCOPY bin/ ./bin/\nCOPY config/ ./config/\n"
            "COPY lib/ ./lib/\nCMD exec npm start\n",
        ),
        (
            "photos/ 不能进镜像,以 uid 10001 运行,监听 8080。",
            {"package.json": '{"dependencies": {"a": "1"}}', "server.js": "x\n", "photos/x": "x\n"},
            f"{NODE}COPY VERSION package.json server.js ./\nRUN npm install --omit=dev\n"
            "EXPOSE 8080\nUSER 10001\nCMD exec npm start\n",
        ),
        (
            "It is started with `python3 -m meter.worker` from the directory that contains meter/ "
            "and VERSION. Set METER_TARIFFS to the path of config/tariffs.csv. Do not set DEBUG=1.",
            ("meter/worker.py", "config/tariffs.csv"),
            f"{PYTHON}{ALL}ENV METER_TARIFFS=/app/config/tariffs.csv\n"
            "CMD exec python3 -m meter.worker\n",
        ),
        (
            "APP_CONFIG 指向 config/app.json 的路径,启动命令 node src/main.js,EXPOSE 3000。",
            ("src/main.js", "config/app.json"),
            f"{NODE}{ALL}ENV APP_CONFIG=/app/config/app.json\nEXPOSE 3000\n"
            "CMD exec node src/main.js\n",
        ),
        (
            "Run it with python3 -m quote.server; set `QUOTE_FILE` to `/srv/quotes.txt` and copy "
            "quotes.txt there (/srv/quotes.txt). It must not run as root.",
            ("quote/server.py", "quotes.txt"),
            f"{PYTHON}{ALL}COPY quotes.txt /srv/quotes.txt\nENV QUOTE_FILE=/srv/quotes.txt\n"
            "USER 10001\nCMD exec python3 -m quote.server\n",
        ),
        (
            "WORKDIR /srv/app, CMD python3 app.py, LOG_FORMAT must be json, and GREETING must be "
            "set. Leave tests/ out of the image.",
            ("app.py", "tests/x.py", "lib/x.py"),
            "FROM python:3.11-slim\nWORKDIR /srv/app\nCOPY VERSION app.py ./\nCOPY lib/ ./lib/\n"
            "ENV LOG_FORMAT=json\nCMD exec python3 app.py\n",
        ),
        (
            "Tests run with `python3 -m unittest`, "
            "the service with `python3 service.py --port 80`.",
            ("service.py", "helper.py"),
            f"{PYTHON}{ALL}EXPOSE 80\nCMD exec python3 service.py --port 80\n",
        ),
        (
            "The image must contain only server/ and VERSION. Start: python3 -m server.",
            ("server/__main__.py", "tests/x.py", "notes.md"),
            f"{PYTHON}COPY VERSION ./\nCOPY server/ ./server/\nCMD exec python3 -m server\n",
        ),
        (
            "README.md says how it is started.",
            {
                "README.md": "# X\n\nRun the tests:\n\n    python3 -m unittest\n\nStart it:\n\n"
                "    python3 -m svc.web\n",
                "svc/web.py": "x\n",
            },
            f"{PYTHON}{ALL}CMD exec python3 -m svc.web\n",
        ),
        (
            "The app is in backend/ and starts with python3 main.py from there; settings/ has its "
            "configuration.",
            ("backend/main.py", "settings/a.json"),
            f"{PYTHON}{ALL}WORKDIR /app/backend\nCMD exec python3 main.py\n",
        ),
        (
            "dist/ 是静态站点的根目录,用 nginx 做镜像,VERSION 也要能访问到。",
            ("dist/index.html", "old/index.html"),
            "FROM nginx:1.29\nCOPY dist/ /usr/share/nginx/html/\n"
            "COPY VERSION /usr/share/nginx/html/\n",
        ),
        (
            "nginx serves site/; site/private/ must not be in the image. uid 101.",
            ("site/index.html", "site/css/a.css", "site/private/x.html"),
            "FROM nginx:1.29\nCOPY site/index.html /usr/share/nginx/html/\n"
            "COPY site/css/ /usr/share/nginx/html/css/\n"
            "RUN mkdir -p /var/cache/nginx /var/lib/nginx /var/log/nginx && "
            "chown -R 101 /var/cache/nginx /var/lib/nginx /var/log/nginx /run\nUSER 101\n",
        ),
        (
            "两个阶段:第一阶段运行 `node build.mjs`,把结果写到 dist 目录;第二阶段用 nginx:1.29。",
            {"build.mjs": "x\n", "package.json": '{"name": "x"}', "src/a.html": "x\n"},
            "FROM node:22-slim AS build\nWORKDIR /src\nCOPY . .\nRUN node build.mjs\n"
            "FROM nginx:1.29\nCOPY --from=build /src/dist/ /usr/share/nginx/html/\n",
        ),
        (
            "Two stages: the first runs `python3 pack.py`, which fills the folder out; the image "
            "runs `python3 app.py`. Set APP_MODE to production.",
            ("pack.py", "app.py"),
            "FROM python:3.11-slim AS build\nWORKDIR /src\nCOPY . .\nRUN python3 pack.py\n"
            "FROM python:3.11-slim\nWORKDIR /app\nCOPY --from=build /src/out/ ./\n"
            "ENV APP_MODE=production\nCMD exec python3 app.py\n",
        ),
        (
            "分两个阶段:阶段一执行 python3 -m zipapp lib -o web.pyz;阶段二只放阶段一产出的 web.pyz,"
            "启动命令是 python3 web.pyz",
            ("lib/__main__.py",),
            "FROM python:3.11-slim AS build\nWORKDIR /src\nCOPY . .\n"
            "RUN python3 -m zipapp lib -o web.pyz\nFROM python:3.11-slim\nWORKDIR /app\n"
            "COPY --from=build /src/web.pyz ./\nCMD exec python3 web.pyz\n",
        ),
    ],
)
def test_what_the_prompt_says_is_kept(
    prompt: str, files: Sequence[str] | Mapping[str, str], text: str
) -> None:
    assert written(prompt, files, "tariff" if files is PACKAGE else "web") == ("Dockerfile", text)


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("The base image must not be python:3.8-slim.", "FROM python:3.11-slim"),
        ("不要用 app.py 启动,用 main.py。", "CMD exec python3 main.py"),
    ],
)
def test_what_is_denied_is_not_taken(prompt: str, line: str) -> None:
    assert line in written(prompt, ("app.py", "main.py"))[1].splitlines()


@pytest.mark.parametrize("said", ["It serves on port 8080.", "端口 8080", "对外 8080 端口"])
def test_a_port_that_is_said_is_exposed(said: str) -> None:
    assert "EXPOSE 8080" in written(said, ("app.py",))[1].splitlines()


def test_a_number_of_users_is_no_user() -> None:
    assert "USER" not in written("服务要支撑 5000 用户。", ("app.py",))[1]


def test_pages_at_the_root_come_without_what_git_keeps() -> None:
    text = written("A static site.", ("index.html", "a.css"))[1]
    assert "COPY VERSION a.css index.html /usr/share/nginx/html/\n" in text


@pytest.mark.parametrize(
    ("prompt", "files", "path"),
    [
        ("The service is in services/web; libs/ is for all.", ("services/web/app.py", "libs/x.py"),
         "services/web/Dockerfile"),
        ("为 services/api 写。", ("services/api/main.py", "README.md"), "services/api/Dockerfile"),
        ("Put it at api/Dockerfile.", ("api/main.py", "main.py"), "api/Dockerfile"),
        ("It reads data/ and lib/.", ("app.py", "data/x.json", "lib/main.py"), "Dockerfile"),
    ],
)  # fmt: skip
def test_it_goes_where_the_prompt_says(prompt: str, files: Sequence[str], path: str) -> None:
    assert written(prompt, files)[0] == path


@pytest.mark.parametrize(
    ("prompt", "files"),
    [
        ("Don't change data/ and do not forget lib/ in the image.", ("app.py", "data/x", "lib/y")),
        ("data/ must be in the image. TOKEN and LOG_LEVEL are set by us.", ("app.py", "data/x")),
        ("Deployment web gets PORT=80 from its manifest.", ("app.py",)),
        ("Do not start it with `python3 old.py`. USER and VERSION are as always.", ("app.py",)),
        ("The image must hold only what it needs, see docs/.", ("app.py", "docs/x.md")),
    ],
)
def test_what_is_not_certain_is_left_out(prompt: str, files: Sequence[str]) -> None:
    assert written(prompt, files)[1] == f"{PYTHON}{ALL}CMD exec python3 app.py\n"
