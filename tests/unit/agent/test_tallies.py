"""Lines that count: run by a real shell, they write what the prompt wants; or there is none."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from oi_deploy.agent.chores.tallies import tally
from oi_deploy.agent.facts import Sources, situation
from oi_deploy.agent.situation import Ask
from oi_deploy.broker.request import Policy
from tests.unit.agent.worlds import COMMIT, FILES, JOBS, REGISTRY, WEB, Look

# time, method, path, status, milliseconds
ACCESS = """\
2026-03-01T10:00:01Z GET /api/users 200 12
2026-03-01T10:00:02Z POST /api/orders 500 340
2026-03-01T10:00:03Z GET /api/users 503 88
2026-03-01T10:00:04Z POST /api/orders 502 900
2026-03-01T10:00:05Z GET /health 200 1
2026-03-01T10:00:06Z GET /api/users-old 404 7
2026-03-01T10:00:07Z POST /api/orders 500 35
2026-03-01T10:00:08Z DELETE /api/users 200 25
"""
APP = """\
2026-03-01 10:00:01 [INFO] gateway: started on port 80
2026-03-01 10:00:02 [ERROR] db-pool: no connection ERROR 7
2026-03-01 10:00:03 [WARN] gateway: slow
2026-03-01 10:00:04 [ERROR] auth: token expired
2026-03-01 10:00:05 [ERROR] db-pool: timeout after 5 s
2026-03-01 10:00:06 [INFO] auth: ok
2026-03-01 10:00:07 [ERROR] db: gone
"""
PLAIN = APP.replace("[", "").replace("]", "").replace(": ", " ", 7)
RUNS = """\
id,service,started,result,duration_ms,region
1,billing,2026-03-01,ok,1200,eu
2,search,2026-03-01,failed,300,us
3,billing,2026-03-02,failed,90,eu
4,mail out,2026-03-02,ok,4500,us
5,search,2026-03-02,ok,310,eu
6,billing,2026-03-03,failed,2000000000,us
7,billing,2026-03-03,ok,2000000000,us
"""
SALES = """\
2026-03-01\tnorth\t10.50
2026-03-01\tsouth\t3.25
2026-03-02\tnorth\t0.30
2026-03-03\twest\t7
"""
DATA: Mapping[str, str] = {
    **FILES,
    "logs/access.log": ACCESS,
    "logs/app.log": APP,
    "logs/plain.log": PLAIN,
    "data/jobs.csv": RUNS,
    "data/sales.tsv": SALES,
    "assets/a.bin": "x" * 100,
    "assets/img/b.png": "x" * 3000,
    "assets/img/c.png": "x" * 20,
    "assets/css/d.css": "x" * 450,
    "site/css/d.css": "x",
    "site/img/b.png": "x",
    "site/img/c.png": "x",
}


def line(prompt: str, files: Mapping[str, str] = DATA, expect: str = "none") -> str:
    git = {"log": f"{COMMIT} {COMMIT}00", "ls-files": "\n".join(sorted(files))}
    ask = Ask(prompt, expect, REGISTRY, "production", date="2026-03-09")
    sources = Sources(Look(files, git), lambda: (WEB, JOBS))
    world = situation(ask, sources, Policy.of(Path("/w"), REGISTRY, "production", None))
    return next(iter(tally(world)), "")


def written(prompt: str, folder: Path, files: Mapping[str, str] = DATA) -> str:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    command = line(prompt, files)
    assert command and not set(command) & {'"', "\\"}
    there = {path for path in folder.rglob("*") if path.is_file()}
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, check=True)
    (new,) = (path for path in folder.rglob("*") if path.is_file() and path not in there)
    return new.read_text()


GOOD = [
    (
        "logs/access.log has one request per line: time, method, path, status, duration in ms. "
        "Count the requests with a 5xx status per path and write them to errors.md as a Markdown "
        "table `Path | Errors`, highest first. Do not touch the cluster.",
        "| Path | Errors |\n|---|---|\n| /api/orders | 3 |\n| /api/users | 1 |\n",
    ),
    (
        "不需要部署。logs/access.log 每行依次是:时间、方法、路径、状态码、耗时("
        "毫秒)。请统计状态码为 5xx "
        "的请求,按路径分组,写入 errors.md,格式为 Markdown 表格,列为 路径 | 次数,次数多的排在前面。"
        "不要改动其他文件。",
        "| 路径 | 次数 |\n|---|---|\n| /api/orders | 3 |\n| /api/users | 1 |\n",
    ),
    (
        "Look at logs/app.log: count the lines with level ERROR per component (the word after the "
        "level) and write report.md as a Markdown list, one `- component: n` each, the most "
        "frequent first.",
        "- db-pool: 2\n- auth: 1\n- db: 1\n",
    ),
    (
        "请统计 logs/app.log 里每个组件的 ERROR 行数,写到 errors.md,Markdown 列表,"
        "每行格式为 `- 组件: 次数`,按组件名字母顺序排列。",
        "- auth: 1\n- db: 1\n- db-pool: 2\n",
    ),
    (
        "data/jobs.csv records job runs. For each service, count all runs and those with result "
        "failed; write summary.md as a Markdown table with the columns\n\nService | Runs | Failed\n"
        "\nsorted alphabetically by service. Nothing is deployed.",
        "| Service | Runs | Failed |\n|---|---|---|\n| billing | 4 | 2 |\n| mail out | 1 | 0 |\n"
        "| search | 2 | 1 |\n",
    ),
    (
        "data/jobs.csv 是任务记录。请按服务统计总次数和失败次数(result 为 failed),写入 summary.md,"
        "Markdown 表格,表头为 服务 | 总次数 | 失败次数,按失败次数从多到少排序。",
        "| 服务 | 总次数 | 失败次数 |\n|---|---|---|\n| billing | 4 | 2 |\n| search | 2 | 1 |\n"
        "| mail out | 1 | 0 |\n",
    ),
    ("把 logs/app.log 中 ERROR 的行数写入 n.txt,只写一个数字。", "4\n"),
    ("Write the number of ERROR lines in logs/app.log into n.txt", "4\n"),
    ("How many requests in logs/access.log have status 500? Put just the number in n.txt.", "2\n"),
    ("统计 logs/access.log 里状态码为 404 或 503 的请求数,写入 n.txt,只要数字", "2\n"),
    ("Count the rows of data/jobs.csv and save the number in count.txt, nothing to deploy.", "7\n"),
    ("data/jobs.csv 里一共有多少条记录?写入 n.txt。", "7\n"),
    (
        "Count the requests in logs/access.log per method, one per line as `method count`, into "
        "methods.txt, sorted by count descending.",
        "GET 4\nPOST 3\nDELETE 1\n",
    ),
    (
        "统计 logs/access.log 中每个请求方法出现的次数,写入 methods.txt,每行一个"
        ",格式 `次数 方法`,从多到少排序",
        "4 GET\n3 POST\n1 DELETE\n",
    ),
    (
        "Write the top 2 paths by number of requests in logs/access.log to top.txt.",
        "/api/orders 3\n/api/users 3\n",
    ),
    ("统计 logs/access.log 中请求最多的 2 个路径,写入 top.txt", "/api/orders 3\n/api/users 3\n"),
    (
        "From data/jobs.csv produce by-region.csv with the header `region,runs`"
        ": how many runs each "
        "region has, sorted by region.",
        "region,runs\neu,3\nus,4\n",
    ),
    (
        "根据 data/jobs.csv 生成 by-region.csv,表头为 region,failed,统计每个 re"
        "gion 里 result 为 failed "
        "的记录数。",
        "region,failed\neu,1\nus,2\n",
    ),
    (
        "Sum duration_ms per service in data/jobs.csv and write it to sums.md as a Markdown table "
        "with the columns `Service | Total`, largest first.",
        "| Service | Total |\n|---|---|\n| billing | 4000001290 |\n| mail out | 4500 |\n"
        "| search | 610 |\n",
    ),
    (
        "data/sales.tsv 每行依次为:日期、地区、金额。按地区求和金额,写入 sums.t"
        "xt,每行格式 `地区: 金额`",
        "north: 10.80\nsouth: 3.25\nwest: 7\n",
    ),
    (
        "data/sales.tsv 每行依次为:日期、地区、金额。统计每个地区的金额总和,写入 sums.txt。",
        "north 10.80\nsouth 3.25\nwest 7\n",
    ),
    (
        "Each line of data/sales.tsv is: date, region, amount. Write the total amount per region "
        "into sums.md as a list, `- region: total`.",
        "- north: 10.80\n- south: 3.25\n- west: 7\n",
    ),
    (
        "List the 2 largest files under assets with their sizes in bytes in big.txt, one per line "
        "as `size path`.",
        "3000 assets/img/b.png\n450 assets/css/d.css\n",
    ),
    (
        "找出 assets 目录下最大的 2 个文件,写入 big.md,Markdown 表格,列为 文件 | 字节数",
        "| 文件 | 字节数 |\n|---|---|\n| assets/img/b.png | 3000 |\n| assets/css/d.css | 450 |\n",
    ),
    ("Write the total size in bytes of the folder assets into size.txt, just the number", "3570\n"),
    ("统计 assets 目录的总大小(字节),写入 size.txt", "3570\n"),
    (
        "Count the files per extension in the folder assets, write a table to ext.md.",
        "| Extension | Count |\n|---|---|\n| bin | 1 |\n| css | 1 |\n| png | 2 |\n",
    ),
    ("按扩展名统计 assets 目录里的文件数,写入 ext.txt", "bin 1\ncss 1\npng 2\n"),
    ("Count the files in each subfolder of site and write the counts to n.txt", "css 1\nimg 2\n"),
    ("How many .png files are there under assets? Write the number to n.txt", "2\n"),
    (
        "The 2 rows with the largest duration_ms of data/jobs.csv with region eu go into slow.txt",
        "1,billing,2026-03-01,ok,1200,eu\n5,search,2026-03-02,ok,310,eu\n",
    ),
    (
        "把 logs/access.log 里耗时最长的 2 条请求写入 slow.txt。每行依次是:时间"
        "、方法、路径、状态码、耗时。",
        "2026-03-01T10:00:04Z POST /api/orders 502 900\n"
        "2026-03-01T10:00:02Z POST /api/orders 500 340\n",
    ),
    (
        "Last night was bad, and the team wants an overview. In logs/plain.log, count the lines "
        "for each level. Save levels.md as a Markdown table: Level | Lines. Highest first; ties "
        "alphabetically.",
        "| Level | Lines |\n|---|---|\n| ERROR | 4 |\n| INFO | 2 |\n| WARN | 1 |\n",
    ),
    (
        "Count the POST requests with status 500 or 502 in logs/access.log, only the number, in "
        "n.txt. No build, no push.",
        "3\n",
    ),
    (
        "logs/access.log 每行依次是:时间、方法、路径、状态码、耗时。统计耗时超过"
        " 100 的请求数,写入 slow.txt",
        "2\n",
    ),
    (
        "Count the failed runs per service in data/jobs.csv. Write failed.txt with lines like "
        "`billing: 12`.",
        "billing: 2\nsearch: 1\n",
    ),
    (
        "Please go through logs/app.log and tally the log lines by level. Result goes "
        "into levels.txt, one level per line in the form `LEVEL: count`.",
        "ERROR: 4\nINFO: 2\nWARN: 1\n",
    ),
    (
        "We need an overview of errors. Count how many ERROR entries every component "
        "has in logs/app.log (format: date time [LEVEL] component: message) and save "
        "it as errors.md — a bullet list sorted by count, largest first, `- component: "
        "count`.",
        "- db-pool: 2\n- auth: 1\n- db: 1\n",
    ),
    (
        "Chore, no deployment: logs/access.log is our access log, each line is `time "
        "method path status ms`. Create slow.md with a Markdown table (columns: Path | "
        "Requests) of how many requests each path got, busiest first.",
        "| Path | Requests |\n|---|---|\n| /api/orders | 3 |\n| /api/users | 3 |\n| "
        "/api/users-old | 1 |\n| /health | 1 |\n",
    ),
    (
        "For the weekly review: how many jobs in data/jobs.csv failed, per region? "
        "Write failed.md, a Markdown table with the columns Region and Failed, sorted "
        "by region.",
        "| Region | Failed |\n|---|---|\n| eu | 1 |\n| us | 2 |\n",
    ),
    (
        "Using data/jobs.csv (columns id, service, started, result, duration_ms, "
        "region), write totals.csv with header service,total_ms: the sum of "
        "duration_ms for each service, sorted by service.",
        "service,total_ms\nbilling,4000001290\nmail out,4500\nsearch,610\n",
    ),
    (
        "Count the lines in logs/access.log whose status is 500 and write only the "
        "number to count.txt.",
        "2\n",
    ),
    (
        "Count all 5xx responses in logs/access.log. Write just the number into "
        "five.txt; do not change anything else.",
        "4\n",
    ),
    (
        "In logs/access.log every line has the time, the method, the path, the status "
        "code and the duration. For each status code, count the requests and write "
        "`status count` lines to status.txt, in ascending order of status.",
        "200 3\n404 1\n500 2\n502 1\n503 1\n",
    ),
    (
        "data/jobs.csv lists our job runs. Write a file summary.md with a Markdown "
        "table `Region | Total | Failed` that has the number of runs and the number of "
        "failed runs for each region, in alphabetical order. Nothing has to be built "
        "or deployed.",
        "| Region | Total | Failed |\n|---|---|---|\n| eu | 3 | 1 |\n| us | 4 | 2 |\n",
    ),
    (
        "Top 3 paths in logs/access.log by number of requests, please. Put them into "
        "top.md as a Markdown table `Path | Count`.",
        "| Path | Count |\n|---|---|\n| /api/orders | 3 |\n| /api/users | 3 |\n| "
        "/api/users-old | 1 |\n",
    ),
    (
        "请把 assets 文件夹里最大的 2 个文件列出来,连同字节大小,写入 "
        "largest.txt,每行格式:`大小 路径`。",
        "3000 assets/img/b.png\n450 assets/css/d.css\n",
    ),
    (
        "请查看 logs/app.log,统计各级别的日志条数,并将结果以 Markdown 表格的形式写入 "
        "levels.md,表格两列:级别 | 条数,条数多的在前。",
        "| 级别 | 条数 |\n|---|---|\n| ERROR | 4 |\n| INFO | 2 |\n| WARN | 1 |\n",
    ),
    (
        "日志 logs/access.log 的每一行格式为:时间 方法 路径 状态码 "
        "耗时。帮我统计每个接口返回 5xx 的次数,结果写到 report.md,用列表形式,每行 `- "
        "路径: 次数`,按次数降序排列。",
        "- /api/orders: 3\n- /api/users: 1\n",
    ),
    (
        "统计 data/jobs.csv 中每个服务失败(result=failed)的任务数量,输出到 "
        "failed.csv,表头 service,count,按数量从高到低排列。",
        "service,count\nbilling,2\nsearch,1\n",
    ),
    (
        "这次只是一个整理任务,不涉及部署:统计 logs/access.log "
        "里各个状态码出现的次数,保存为 status.txt,一行一个,格式为“状态码 次数”。",
        "200 3\n404 1\n500 2\n502 1\n503 1\n",
    ),
    (
        "data/jobs.csv 第一行是表头。请计算每个 service 的 duration_ms 总和,写入 "
        "sum.md,Markdown 表格,列为 服务 | 总耗时,按总耗时从大到小排序。",
        "| 服务 | 总耗时 |\n|---|---|\n| billing | 4000001290 |\n| mail out | 4500 |\n| "
        "search | 610 |\n",
    ),
    (
        "统计 logs/plain.log 里级别为 ERROR 的日志行数,把数字写入 "
        "error-count.txt,文件中只有这个数字。不要部署任何东西。",
        "4\n",
    ),
    (
        "统计 logs/access.log 中 GET 请求的数量,写入 get.txt",
        "4\n",
    ),
    (
        "统计 logs/access.log 中出现次数最多的前 2 个路径及其次数,写入 top.txt,每行“路径 次数”。",
        "/api/orders 3\n/api/users 3\n",
    ),
    (
        "统计 site 目录下每个子目录的文件数量,写入 files.md,Markdown 表格,列:目录 | 文件数",
        "| 目录 | 文件数 |\n|---|---|\n| css | 1 |\n| img | 2 |\n",
    ),
    (
        "统计 assets 目录下各扩展名的文件数量,按数量从多到少写入 ext.txt,每行 `扩展名: 数量`",
        "png: 2\nbin: 1\ncss: 1\n",
    ),
    (
        "Please create `report.md` from `logs/app.log`. It should contain a Markdown "
        "table with the columns `Component` and `Errors`: for every component the "
        "number of its ERROR lines. Sort by the number of errors, descending; ties by "
        "component name.",
        "| Component | Errors |\n|---|---|\n| db-pool | 2 |\n| auth | 1 |\n| db | 1 |\n",
    ),
    (
        "Count the log lines of each level in logs/plain.log and write them to "
        "levels.csv with the header `level,count`, most frequent level first.",
        "level,count\nERROR,4\nINFO,2\nWARN,1\n",
    ),
    (
        "Write to n.txt how many lines of logs/app.log are ERROR lines. Only the number.",
        "4\n",
    ),
    (
        "The file data/jobs.csv has one job run per row. Per service, I'd like to know "
        "the number of runs and how many of them failed. Please write this as a "
        "Markdown table to jobs.md:\n\n| Service | Runs | Failed |\n\nServices in "
        "alphabetical order.",
        "| Service | Runs | Failed |\n|---|---|---|\n| billing | 4 | 2 |\n| mail out | 1 "
        "| 0 |\n| search | 2 | 1 |\n",
    ),
    (
        "统计 data/jobs.csv 中 2026-03-02 的任务数,写入 n.txt",
        "3\n",
    ),
    (
        "How many runs of service billing are there per result in data/jobs.csv? Write "
        "results.txt, one per line.",
        "failed 2\nok 2\n",
    ),
    (
        "Sum duration_ms of the failed runs in data/jobs.csv; just the number, in out/ms.txt",
        "2000000390\n",
    ),
    (
        "统计 data/jobs.csv 中 service 为 billing 且 result 为 failed 的任务数,写入 n.txt",
        "2\n",
    ),
]


@pytest.mark.parametrize(("prompt", "content"), GOOD)
def test_what_is_counted(prompt: str, content: str, tmp_path: Path) -> None:
    assert written(prompt, tmp_path) == content


# What is asked for is something else, or more than is understood.
UNCLEAR = [
    "Write a report of all deployments in the cluster to report.md as a table",
    "列出集群中每个 deployment 的副本数,写入 state.md",
    "How many pods does each service have? Write a list to pods.md",
    "Delete the lines older than 2026-03-01 from logs/app.log and write the rest to new.log",
    "把 logs/app.log 里 ERROR 的行写入 errors.txt",
    "Write the ERROR lines of logs/app.log into errors.txt",
    "Write the ERROR lines of logs/app.log into errors.txt and count them",
    "In data/jobs.csv, replace failed by error and write the result to new.csv",
    "Count the requests per path in logs/access.log except /health and write counts.txt",
    "Count the ERROR lines in logs/app.log after 10:00:03, into n.txt",
    "统计 logs/app.log 中 10:00:03 之后的 ERROR 行数,写入 n.txt",
    "Count the unique paths in logs/access.log and write the number to n.txt",
    "统计 logs/access.log 里有多少个不同的路径,写入 n.txt",
    "Count the requests per path in logs/access.log with more than 2 requests, into n.txt",
    "统计 logs/access.log 每个路径的平均耗时,写入 avg.md",
    "Count the failed and ok runs per service in data/jobs.csv into n.txt",
    "Count the lines and the ERROR lines per component of logs/app.log into n.txt",
    "统计 logs/app.log 中每个组件的行数和 ERROR 行数,写入 n.txt",
    "Count requests in logs/access.log that did not fail, into n.txt",
    "统计 logs/access.log 中状态码不是 200 的请求数,写入 n.txt",
    "Count runs with result skipped per service in data/jobs.csv into n.txt",
    "Count the requests in logs/access.log per hour, into n.txt",
    "Count runs per service in data/jobs.csv, into n.txt; leave out region eu",
    "按 owner 统计 data/jobs.csv 的任务数,写入 n.md",
    "Count runs per service and region in data/jobs.csv, into n.txt",
    "Write the share of failed runs per service in data/jobs.csv to n.md",
    "Table n.md with `Service | Runs | Average` from data/jobs.csv: count runs per service",
    "Count the ERROR lines of logs/app.log and logs/plain.log into n.txt",
    "Count the lines of logs/other.log per level into n.txt",
    "Count runs per service in data/jobs.csv into a.txt and per region into b.txt",
    "Count the lines per column 2 of data/jobs.csv into n.txt",
    "Count runs per service in data/jobs.csv as JSON into n.json",
    "Count runs per service in data/jobs.csv into n.md, with a total row at the end",
    "Count the runs per service in data/jobs.csv as CSV into n.csv",
    "Count the requests per client in logs/access.log into n.txt",
    "Requests of bots do not count. Count the requests per path of logs/access.log into n.txt",
    "List the 3 largest files under assets that are older than a week in n.txt",
    "Write the total size of assets in MB to n.txt",
    "把 assets 目录下最大的 3 个文件删除,并写入 n.txt",
    ("logs/access.log 每行依次是:时间、方法、状态码、路径、耗时。统计每个路径的请求数,写入 n.txt"),
    "Add the number of ERROR lines of logs/app.log to README.md and write n.txt",
    "Count the files per folder in assets, into n.txt",
    (
        "Count per service the failed runs in data/jobs.csv, highest first and "
        "alphabetical, into n.txt"
    ),
    "统计 data/jobs.csv 中 duration_ms 大于 100 小于 400 的任务数,写入 n.txt",
    "List the services of data/jobs.csv with failed runs in n.txt",
    "Which service has the most failed runs in data/jobs.csv? Write its name to n.txt",
    "Count the ERROR lines in logs/app.log ignoring auth, into n.txt",
    "统计 logs/app.log 的 ERROR 行数,忽略 auth,写入 n.txt",
    "Count the requests from logs/access.log to /api/users per method without 404s into n.txt",
    "Count the requests per path in the first 5 lines of logs/access.log, into n.txt",
    "统计前 5 条日志中每个路径的请求数:logs/access.log,写入 n.txt",
    "Count requests per status in logs/access.log sorted by status descending, into n.txt",
    "统计 logs/access.log 中每个状态码的请求数,按状态码降序排列,写入 n.txt",
    "Count ERROR lines per component in logs/app.log into n.txt; WARN lines count too.",
    "How many lines has data/jobs.csv? Write the number to n.txt",
    "data/jobs.csv 有多少行?写入 n.txt",
    "There are errors. Count the lines per component of logs/app.log, into n.txt.",
    (
        "The search team wants to know how many runs failed per region in "
        "data/jobs.csv. Write n.txt."
    ),
    ("Count the requests per path for /api/users and /api/orders in logs/access.log, into n.txt"),
    "Health checks are irrelevant. Count the requests per path in logs/access.log, into n.txt",
    "保存所有 ERROR 日志到 errors.txt,并统计条数:logs/app.log",
    "统计 logs/app.log 中 ERROR 级别及以上的行数,写入 n.txt",
    "Count the lines of level WARN or higher in logs/app.log, into n.txt",
    "统计 logs/app.log 中除 ERROR 外的行数,写入 n.txt",
    "Make a table `Path | Status | Count` of logs/access.log in n.md: count requests per path",
    "Count runs per service in data/jobs.csv: table `Service | Average duration_ms` in n.md",
    "Sum the duration_ms per service in data/jobs.csv: table `Service | Count` in n.md",
    "Count the ERROR lines in logs/app.log, and write `errors: 4` like lines to n.txt",
    "统计 data/jobs.csv 每个服务成功和失败的次数,写入 n.md",
    "Count the requests of logs/access.log by status class into n.txt",
    "Count the requests per path in logs/access.log, only paths with at least 2, into n.txt",
    "Count lines per level in logs/app.log into n.txt, with percentages",
    "Count the runs per day in data/jobs.csv into n.txt",
    "Count the runs in data/jobs.csv that took more than 1000 ms, into n.txt",
    "Count the ERROR lines in logs/app.log that mention timeout, into n.txt",
    "统计 logs/app.log 中包含 timeout 的行数,写入 n.txt",
    "Count the lines per level in logs/app.log and append them to n.txt",
    "Sort data/jobs.csv by duration_ms and write it to sorted.csv",
    "把 data/jobs.csv 按 duration_ms 排序后写入 sorted.csv",
    "Count the requests of the last hour per path in logs/access.log, into n.txt",
    "Show which paths in logs/access.log have 5xx responses, in n.txt",
    (
        "Count the requests per path with GET or POST and status 500 in "
        "logs/access.log but merge users-old into users; n.txt"
    ),
    "logs/app.log 里 WARN 和 ERROR 加起来有多少行?写入 n.txt",
    "In logs/access.log, count 5xx per path and 4xx per path, into n.md",
    "统计 logs/access.log 中 4xx 和 5xx 的请求数,写入 n.txt",
    "Count the requests in logs/access.log per path, method and status into n.txt",
    "Count the requests in logs/access.log per path; the counts per method "
    "belong at the end. n.txt",
    "List the 2 rows with the largest duration_ms in data/jobs.csv in n.txt, in alphabetical order",
    "Write the 2 largest files under assets to n.txt, in alphabetical order",
    "Count the runs per service in data/jobs.csv between 2026-03-01 and 2026-03-02 into n.txt",
    "Count the requests per path in logs/access.log, case-insensitively, into n.txt",
    "Count the requests per path in logs/access.log, without the query string, into n.txt",
    "Count the requests per first path segment in logs/access.log into n.txt",
    "统计 logs/access.log 按一级路径分组的请求数,写入 n.txt",
    "统计 logs/access.log 每个路径的最大耗时,写入 n.txt",
    "统计 logs/access.log 每个路径的请求数和总耗时,写入 n.txt",
    "统计 logs/access.log 的请求数,每个路径至少 2 次,写入 n.txt",
    "统计 data/jobs.csv 里 region 为 cn 的记录数,写入 n.txt",
    "统计 data/jobs.csv 中每个 service 的记录数,但 billing 不算,写入 n.txt",
    "统计 data/jobs.csv 中连续失败的任务数,写入 n.txt",
    "统计 data/jobs.csv 中首次失败的任务数,写入 n.txt",
    "Count the runs in data/jobs.csv that failed twice, into n.txt",
    "Count the services in data/jobs.csv that failed, into n.txt",
    "How many services have a failed run in data/jobs.csv? Write the number to n.txt",
    "统计 data/jobs.csv 中有失败记录的服务数,写入 n.txt",
    "data/jobs.csv 中有多少个服务?写入 n.txt",
    "Count unique components with ERROR lines of logs/app.log into n.txt",
    "Count the ERROR lines of every hour in logs/app.log into n.txt",
    "Write the number of ERROR lines and their share in logs/app.log into n.txt",
    "Write the number of GET requests that are slow in logs/access.log into n.txt",
    "Scale web by the number of ERROR lines in logs/app.log and write it to n.txt",
    "Restart web if logs/app.log has ERROR lines; write their number to n.txt",
    "如果 logs/app.log 里 ERROR 行数超过 3,就重启 web,并把数量写入 n.txt",
    "Check whether logs/app.log has more ERROR lines than logs/plain.log; n.txt",
    "Count deployments per namespace and write a table to n.md",
    "Count all files in assets that are bigger than 100 bytes into n.txt",
    "Count the number of lines of all files in assets into n.txt",
    "统计 assets 下所有文件的总行数,写入 n.txt",
    "Count the files in assets, site and logs into n.txt",
    "Count the words in logs/app.log into n.txt",
    "Count how many times token appears in logs/app.log, into n.txt",
]


@pytest.mark.parametrize("prompt", UNCLEAR)
def test_there_is_no_line_where_a_part_is_not_understood(prompt: str) -> None:
    assert line(prompt) == ""


def test_only_chores_are_counted() -> None:
    prompt = "Count the ERROR lines in logs/app.log into n.txt and roll out web"
    assert line(prompt.removesuffix(" and roll out web")) and not line(prompt)
    assert not line(prompt.removesuffix(" and roll out web"), expect="deploy")
