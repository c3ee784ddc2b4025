from oi_deploy.verify.challenge import parse


def test_reads_a_token_challenge_with_commas_in_a_value() -> None:
    (found,) = parse(
        ['Bearer realm="https://a.example.com/token",service="r",scope="repository:x:pull,push"']
    )
    assert found.scheme == "bearer"
    assert found.parameters["scope"] == "repository:x:pull,push"


def test_reads_several_challenges_in_one_header_and_in_several() -> None:
    found = parse(['Basic realm="a b", Bearer realm="c", service=d', "Negotiate"])
    assert [item.scheme for item in found] == ["basic", "bearer", "negotiate"]
    assert found[0].parameters == {"realm": "a b"}
    assert found[1].parameters == {"realm": "c", "service": "d"}


def test_nonsense_is_no_challenge() -> None:
    assert parse(['="', ""]) == ()
