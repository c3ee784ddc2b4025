"""The numbered parts of a data file's lines."""

import pytest

from oi_deploy.agent.columns import cell, describe

COMMAS = "Split at ',', the parts of its first line are: "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date,service\n1,web\n", f"{COMMAS}0 is date, 1 is service"),
        ("a;b c\n1;2\n", f"{COMMAS.replace(',', ';', 1)}0 is a, 1 is b c"),
        ("a\tb\n1\t2\n", "Split at tabs, the parts of its first line are: 0 is a, 1 is b"),
        (
            "10:00 ERROR db: gone\n10:01 INFO api: started now\n",
            "Split at spaces, the parts of its first line are: "
            "0 is 10:00, 1 is ERROR, 2 is db:, 3 is gone",
        ),
        ("one line, only\n", ""),
        ("a b\nc d\n", ""),
        ("{\n}\n", ""),
    ],
)
def test_the_parts_of_a_line(text: str, told: str) -> None:
    assert describe(text) == told


TABLE = "service,weekday,weekend\nweb,2,4\napi, 1 ,3\napi-old,9,9\nweb-2,1\n"


@pytest.mark.parametrize(
    ("row", "said", "value"),
    [
        ("web", "the column weekend", "4"),
        ("api", "按 weekday 一列", "1"),
        ("web", "weekday or weekend", ""),
        ("web", "as it says", ""),
        ("gone", "weekend", ""),
        ("web-2", "weekend", ""),
    ],
)
def test_what_a_table_has_for_a_name(row: str, said: str, value: str) -> None:
    assert cell(TABLE, row, said) == value
    assert cell("name,pods\nweb,3\n", "web", "as it says") == "3"
    assert cell("", "web", "weekend") == ""
    assert cell("web: {weekday: 2, weekend: 4}\n", row, said) == (value if row == "web" else "")
    assert cell("pods:\n  web:\n    weekend: 4\n", "web", "weekend") == "4"


def test_the_parts_are_called_as_the_prompt_lists_them() -> None:
    log = "08:00 GET /a 200\n08:01 GET /b 502\n"
    told = "每行依次是:时间、方法、路径、状态码(三位数)。统计 5xx"
    assert describe(log, told).endswith(
        ": 0 (时间) is 08:00, 1 (方法) is GET, 2 (路径) is /a, 3 (状态码) is 200"
    )
    assert "(a)" not in describe(log, "Of it: a, b")


def test_which_part_is_a_status_code() -> None:
    log = 'a - "GET / HTTP/1.1" 200 512\nb - "GET /x HTTP/1.1" 404 120\n'
    assert ", 5 (status code) is 200, 6 is 512" in describe(log, "Count the 4xx")
    assert "(status code)" not in describe(log, "Count the lines")
    assert "(status code)" not in describe("a 1\nb 2\n", "Count the 4xx")
