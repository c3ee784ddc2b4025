"""Which tag a prompt wants, in many wordings; and what in a prompt is none."""

import dataclasses

import pytest

from oi_deploy.agent import tags, words
from oi_deploy.agent.situation import Ask
from oi_deploy.agent.tags import keys

REGISTRY = "r.example.com:5000/team"
COMMIT, FULL = "9f3c2ab", "9f3c2ab17d4e5061728394a5b6c7d8e9f0a1b2c3"
SOURCE = tags.Source(
    commit=COMMIT,
    full_commit=FULL,
    branch="feature/Seat-map",
    git_tags=("v5.1.0",),
    versions={"VERSION": "3.2.0", "services/seating/package.json": "0.7.3"},
    date="2026-03-09",
)
BRANCH = "feature-Seat-map"


def wanted(prompt: str, **known: object) -> str:
    """The tag, read from what `facts` would read it from."""
    prompt = tags.spelled(prompt)
    ask = Ask(prompt.replace("{registry}", REGISTRY), "deploy", REGISTRY)
    source = dataclasses.replace(SOURCE, **known)  # type: ignore[arg-type]
    return tags.wanted(words.plain(ask.text, REGISTRY), source)


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("标签:前缀 cn-,中间是当前提交的短 SHA,后缀 -prod", f"cn-{COMMIT}-prod"),
        (
            "标签有固定格式:前缀 eu-,中间是当前提交的短 SHA,后缀 -live,"
            "比如短 SHA 是 77ab01c,标签就是 eu-77ab01c-live。",
            f"eu-{COMMIT}-live",
        ),
        ("The tag is the short hash with `-rc` at the end.", f"{COMMIT}-rc"),
        ("标签用 12 位的提交 SHA(git rev-parse --short=12 HEAD),然后更新", FULL[:12]),
        ("tag: `git rev-parse --short=9 HEAD`", FULL[:9]),
        ("当前提交已经打了 git 标签(形如 v1.2.3)。镜像标签是去掉前缀 v 的版本号", "5.1.0"),
        ("Tag: build-<short sha>", f"build-{COMMIT}"),
        ("Tag it with the short commit hash and prefix it with qa-.", f"qa-{COMMIT}"),
        ("Use the short hash as the tag. Prefix it with `qa-`.", f"qa-{COMMIT}"),
        ("标签以 rel- 开头,后面跟短哈希。", f"rel-{COMMIT}"),
        ("标签用短哈希,以 -beta 结尾", f"{COMMIT}-beta"),
        ("镜像标签 = `ci-` 加上短 SHA", f"ci-{COMMIT}"),
        ("tag = `ci_` followed by the abbreviated commit hash", f"ci_{COMMIT}"),
        ("The tag starts with `night-`, then comes the short SHA", f"night-{COMMIT}"),
        ("tag: short sha, suffix -arm64", f"{COMMIT}-arm64"),
        ("标签用 VERSION 里的版本号,后缀为 -hotfix", "3.2.0-hotfix"),
        ("Tag with the version from VERSION and append -rc1", "3.2.0-rc1"),
        ("标签前面加上 web-,后面是日期 YYYYMMDD", "web-20260309"),
        ("标签后缀统一加 -linux,主体是版本号(VERSION)", "3.2.0-linux"),
        ("标签前缀是 prod,后面接短哈希", f"prod-{COMMIT}"),
    ],
)
def test_prefixes_and_suffixes(prompt: str, tag: str) -> None:
    assert wanted(f"Build and push {{registry}}/web. {prompt}") == tag


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("tag format `<branch>.<date>`, e.g. hotfix-login.20260115", f"{BRANCH}.20260309"),
        ("the tag is {version}-{sha}", f"3.2.0-{COMMIT}"),
        ("tag: VERSION-SHORTSHA", f"3.2.0-{COMMIT}"),
        ("标签格式:版本号_短哈希", f"3.2.0_{COMMIT}"),
        ("标签规则是 <分支>-<日期>,日期写成 YYYYMMDD", f"{BRANCH}-20260309"),
        (
            "Tag: <name>-YYYYMMDD\n<name> is the branch with / replaced by -",
            f"{BRANCH}-20260309",
        ),
        ("标签为 <名字>-YYMMDD,其中 <名字> 是分支名", f"{BRANCH}-260309"),
        ("tag: <env>-<sha>, where <env> is blue", f"blue-{COMMIT}"),
        ("tag scheme: {version}-{date}-{sha}, date as YYYY.MM.DD", f"3.2.0-2026.03.09-{COMMIT}"),
        ("tag: rel-YYYYMMDD", "rel-20260309"),
        ("Push {registry}/web:<short-sha>", COMMIT),
        ("Push {registry}/web:<tag>, where <tag> is the version in VERSION", "3.2.0"),
        ("推送 {registry}/web:<tag>,tag 是分支名加短 SHA", f"{BRANCH}-{COMMIT}"),
        ("image tag vX.Y.Z, X.Y.Z being the version in VERSION", "v3.2.0"),
        ("标签用「v<版本号>+<短SHA>」", f"v3.2.0-{COMMIT}"),
        ("tag it branch-date-sha, the date without separators", f"{BRANCH}-20260309-{COMMIT}"),
        ("标签 = 日期.短SHA,日期用 yyyymmdd", f"20260309.{COMMIT}"),
        ("tag it sha-<short hash>", f"sha-{COMMIT}"),
        ("tag: $VERSION-$SHORT_SHA", f"3.2.0-{COMMIT}"),
    ],
)
def test_templates(prompt: str, tag: str) -> None:
    assert wanted(f"Build and push. {prompt}") == tag


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("Our tags look like nightly-20251224", "nightly-20260309"),
        ("tag it the way we always do, for instance build-1a2b3c4", f"build-{COMMIT}"),
        ("标签形如 qa-0ab12cd", f"qa-{COMMIT}"),
        ("标签由版本号和短哈希组成,例如 1.4.0-0ab12cd", f"3.2.0-{COMMIT}"),
        ("标签类似 0ab12cd-1.4.0", f"{COMMIT}-3.2.0"),
        ("标签:日期加短哈希,如 20251224.0ab12cd", f"20260309.{COMMIT}"),
        ("标签是版本、日期、短哈希,例如 v1.4.0_20251224_0ab12cd", f"v3.2.0_20260309_{COMMIT}"),
        ("标签里要带上分支名,例如 dev-1a2b3c4", f"{BRANCH}-{COMMIT}"),
        ("tag with the branch and the date, such as fix-menu-2025.12.24", f"{BRANCH}-2026.03.09"),
        ("tag it with the date, e.g. 251224", "260309"),
        ("tags are made of the date and the commit, such as 2025-12-24-0ab12cd",
         f"2026-03-09-{COMMIT}"),
        ("标签用 VERSION 里的版本(例如 1.0.0)", "3.2.0"),
        ("the tag is the date (20251224)", "20260309"),
        ("标签用提交哈希,比如 0123456789abcdef0123456789abcdef01234567", FULL),
        ("tag with the commit, e.g. 4be91d0 becomes cn-4be91d0", f"cn-{COMMIT}"),
    ],
)  # fmt: skip
def test_an_example_shows_the_form_and_not_the_value(prompt: str, tag: str) -> None:
    assert wanted(f"Build and push web. {prompt}, and update the deployment web.") == tag


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("tag: the short hash, a dot, and the version in VERSION", f"{COMMIT}.3.2.0"),
        ("标签用版本号加短哈希,中间用下划线连接", f"3.2.0_{COMMIT}"),
        ("标签:先日期,再加短哈希", f"2026-03-09-{COMMIT}"),
        ("tag = date + short sha, joined by an underscore", f"2026-03-09_{COMMIT}"),
        ("tag it with the version, the date and the short sha, separated by hyphens",
         f"3.2.0-2026-03-09-{COMMIT}"),
        ("标签由 VERSION 里的版本号、当天日期(YYYYMMDD)和短 SHA 用减号拼接而成",
         f"3.2.0-20260309-{COMMIT}"),
        ("用 v 加 VERSION 里的版本号作为标签", "v3.2.0"),
        ("tag it `v` plus the version in VERSION", "v3.2.0"),
        ("Tag the image with the branch name", BRANCH),
        ("标签就用当前分支名,斜杠换成下划线", "feature_Seat-map"),
        ("标签用分支名,全部小写", BRANCH.lower()),
        ("tag it with the part of the branch after the slash", "Seat-map"),
        ("Tag it with the full SHA", FULL),
        ("标签用完整的提交哈希", FULL),
        ("tag it with the first 8 characters of the commit", FULL[:8]),
        ("tag: the first ten digits of the commit hash", FULL[:10]),
        ("标签用提交哈希的前 8 位", FULL[:8]),
        ("标签取当前 commit 的前 9 位", FULL[:9]),
        ("tag = 8 位短哈希", FULL[:8]),
        ("tag: today's date, YYYY-MM-DD", "2026-03-09"),
        ("标签用今天的日期,不带分隔符", "20260309"),
        ("标签用日期,格式 %Y.%m.%d", "2026.03.09"),
        ("tag it with year and month as YYYY.MM", "2026.03"),
    ],
)  # fmt: skip
def test_words(prompt: str, tag: str) -> None:
    assert wanted(f"Build and push web; {prompt}. Update web.") == tag


@pytest.mark.parametrize(
    ("prompt", "git_tags", "tag"),
    [
        ("Use the git tag of this commit as the image tag", ["v5.1.0"], "v5.1.0"),
        ("Image tag: the git tag without the leading v", ["v5.1.0"], "5.1.0"),
        ("镜像标签取 git 标签去掉开头的 v", ["v5.1.0"], "5.1.0"),
        ("镜像标签用 git tag,比如 git tag 是 v1.0.0,标签就是 1.0.0", ["v5.1.0"], "5.1.0"),
        ("tag it with the part of the git tag after the slash", ["seating/0.7.3"], "0.7.3"),
        (
            "只发布 seating,标签用 git tag 斜杠后面的部分",
            ["seating/0.7.3", "tickets/2.0.0"],
            "0.7.3",
        ),
        ("tag it with the git tag of HEAD", [], ""),
    ],
)
def test_git_tags(prompt: str, git_tags: list[str], tag: str) -> None:
    assert wanted(prompt, git_tags=git_tags) == tag


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("tag it with the version from services/seating/package.json", "0.7.3"),
        ("In services/seating: the tag is the version in its package.json", "0.7.3"),
        ("标签用 package.json 里的 version", "0.7.3"),
        ("标签用 VERSION 文件的内容", "3.2.0"),
        ("Build the service in services/seating. Tag it with its version number.", "0.7.3"),
        ("标签取 pyproject.toml 里的版本号", ""),
        ("tag it with the version in Cargo.toml", ""),
        ("标签是 package.json 的版本号加短 SHA", f"0.7.3-{COMMIT}"),
    ],
)
def test_versions_of_files(prompt: str, tag: str) -> None:
    assert wanted(prompt) == tag


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("tag it 2.3.0-rc1", "2.3.0-rc1"),
        ("标签用 2026.11", "2026.11"),
        ('tag it "summer-sale"', "summer-sale"),
        ("tag: `blue`", "blue"),
        ("标签用 canary", "canary"),
        ("tag 用 release-1.9", "release-1.9"),
        ("Tag it with version 2.3.0", "2.3.0"),
        ("标签用版本号 2.3.0", "2.3.0"),
        ("镜像打成 `demo_7` 标签", "demo_7"),
        ("tag and push it as v4.0.0", "v4.0.0"),
        ("replace the old tag 1.4.0 with tag 1.5.0, tag it as 1.5.0", "1.5.0"),
    ],
)
def test_a_tag_that_is_said(prompt: str, tag: str) -> None:
    assert wanted(prompt) == tag


@pytest.mark.parametrize(
    "prompt",
    [
        "Roll out web",
        "tag: commit",
        "标签用 commit",
        "Build and push web; the current tag is 1.4.0",
        "线上现在的标签是 1.4.0,请发布新的镜像",
        "Build web and tag it as usual, the deadline is 2026-04-01",
        "Tag the image as always, today please",
        "Tag the image properly; the meeting is on 20260412",
        "标签照旧,周会是 2026-04-12",
        "Tag it with the short SHA, not latest",
        "标签不要用 latest,用短哈希",
        "不要打 latest 标签",
        "Never tag it latest",
        "Use the short hash as tag instead of the version",
        "标签不是版本号,而是短哈希",
        "tag: short sha. The base image stays at tag 3.12-slim",
        "基础镜像标签是 3.12-slim,别改",
        "web uses Python 3.12 and Node 20; tag it with the short commit hash",
        "标签用短 SHA,运行环境是 Python 3.12",
        "Tag it with the short hash and deploy the version to production",
        "标签用短哈希,今天下班前发布,旧版本 1.3.0 保留",
        "Tag the new version and update the deployment",
        "tag it with the short sha and update the date in the changelog",
        "上一版标签是 3.1.9,这次用短 SHA",
        "The tag v1.0.0 was a mistake: please build a new image",
        "给 3 个副本打标签,然后更新 web",
        "Build the main branch, tag = short sha",
    ],
)
def test_what_is_no_tag(prompt: str) -> None:
    assert wanted(prompt) == COMMIT


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("tag it with the build number", {}),
        ("标签用流水号", {}),
        ("tag: <date>-<time>", {}),
        ("标签格式 YYYYMMDDHHMM", {}),
        ("tag: {version}-{sha}", {"versions": {}}),
        ("标签为 分支名-短SHA", {"branch": ""}),
        ("tags look like 1.4.0", {"versions": {}}),
        ("tag: <team>-<sha>", {}),
        ("标签用提交的前 8 位", {"full_commit": ""}),
        ("tag it with today's date", {"date": ""}),
    ],
)
def test_nothing_is_guessed(prompt: str, known: dict[str, object]) -> None:
    assert wanted(prompt, **known) == ""


def test_a_commit_that_git_describes() -> None:
    prompt = "We tag images with the output of `git describe --tags`"
    described = "v5.1.0-2-g9f3c2ab"
    assert wanted(prompt, described=described, git_tags=()) == described
    # What has a tag itself is described by it.
    assert wanted(prompt, described="v5.1.0") == "v5.1.0"
    assert not wanted("The tag is the git tag of the commit", described=described, git_tags=())


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("标签格式是 <app.version>-b<build.number>,例如 1.4.0-b88", "3.1.4-b417"),
        ("The tag is v{APP_VERSION}, see release.env", "v7"),
        ("The tag is <version>-<sha>", ""),
        ("The tag is <app.version>-<app.name>", ""),
        ("The file is called <app.version>.txt", ""),
    ],
)
def test_a_tag_of_keys_in_a_file(prompt: str, tag: str) -> None:
    texts = {
        "release.properties": "# x\napp.version=3.1.4\nbuild.number = 417\nversion=9\n",
        "release.env": "export APP_VERSION='7'\n",
        "README.md": "app.name=evil\n",
    }
    assert keys.filled(prompt, texts) == tag


def test_the_day_of_the_commit() -> None:
    prompt = (
        "Image tags: the date of the commit (not of the build) as YYYYMMDD, then a dash and the sha"
    )
    assert wanted(prompt, commit_date="2026-03-02") == f"20260302-{COMMIT}"
    assert not wanted(prompt)
    assert wanted("tag: the date of the build, as YYYYMMDD", commit_date="2026-03-02") == "20260309"


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("Push {registry}/web, tag: `sha-` followed by the short commit hash (as `git rev-parse "
         "--short HEAD` prints it).", f"sha-{COMMIT}"),
        ("推送 {registry}/web,标签为 sha- 加短哈希(即 git rev-parse --short HEAD 的输出)",
         f"sha-{COMMIT}"),
        ("HEAD carries a git tag of the form release-X.Y.Z. Push {registry}/web with just the "
         "X.Y.Z part as the image tag.", "2.0.20"),
        ("HEAD 上有 release-X.Y.Z 形式的 git 标签,{registry}/web 的镜像标签只取 X.Y.Z 部分。",
         "2.0.20"),
        ("镜像地址写在 ops/release.toml 里,标签用短 SHA。", COMMIT),
    ],
)  # fmt: skip
def test_where_a_hash_comes_from_and_a_part_of_a_git_tag(prompt: str, tag: str) -> None:
    assert wanted(prompt, git_tags=("release-2.0.20",)) == tag
