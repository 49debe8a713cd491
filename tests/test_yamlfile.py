"""YAML to typed values: what is accepted, what is refused and in which words, and that nothing else can happen."""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.yamlfile import (
    COMMA_SEPARATED,
    COMPUTED,
    ConfigError,
    Document,
    Problem,
    read,
    read_file,
)
from exporter.yamlfile.nodes import MAX_BYTES, UnreadableYamlError, compose
from exporter.yamlfile.values import expand


class Even(int):
    """A scalar class of this file's own."""

    @classmethod
    def parse(cls, text: str) -> Self:
        if not text.isdigit() or int(text) % 2:
            raise ValueError("must be even")
        return cls(text)


class Word(str):
    """A scalar class whose value can be kept in a file."""

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(text)

    @classmethod
    def from_path(cls, path: Path) -> Self:
        return cls(path.read_text())


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    salutation: Word
    signature: Annotated[str, Word] | None = None
    stamp: Annotated[int, COMPUTED] = 7


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    word: str
    token: str | None = None
    even_token: Even | None = None
    mode: Literal["slow", "fast"] = "slow"


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    inner: Inner | None = None
    items: tuple[Inner, ...] = ()
    names: list[str] = []
    labels: dict[str, str] = {}
    several: Annotated[list[str], COMMA_SEPARATED] = []
    switch: bool = False
    level: int | bool = 0
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    ratio: float = 0.5
    even: Even = Even(2)
    frame_options: str = msgspec.field(name="X-Frame-Options", default="deny")


def read_text(text: str, environ: dict[str, str] | None = None) -> Document[Outer]:
    return read(textwrap.dedent(text).encode(), Outer, file="f.yaml", environ=environ)


def value_of(text: str, environ: dict[str, str] | None = None) -> Outer:
    return read_text(text, environ).result()


def problems_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_text(text, environ).result()
    return str(caught.value).splitlines()


def test_every_kind_of_field_is_read() -> None:
    assert value_of(
        """
        inner: {word: a, mode: fast, token: "123"}
        items: [{word: b}, {word: c}]
        names: [d, "1"]
        labels: {yes: e, 1: f}
        several: [g, h]
        switch: on
        level: true
        count: 10
        ratio: 0.25
        even: 4
        X-Frame-Options: sameorigin
        """
    ) == Outer(
        inner=Inner(word="a", mode="fast", token="123"),
        items=(Inner(word="b"), Inner(word="c")),
        names=["d", "1"],
        labels={"yes": "e", "1": "f"},
        several=["g", "h"],
        switch=True,
        level=True,
        count=10,
        ratio=0.25,
        even=Even(4),
        frame_options="sameorigin",
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~", "inner:\nitems:\ncount:\n"])
def test_what_is_left_empty_has_its_default(text: str) -> None:
    assert value_of(text) == Outer()


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read(b"\xef\xbb\xbfcount: 2\n", Outer, file="f.yaml").result().count == 2


@pytest.fixture
def letter(tmp_path: Path) -> Callable[[str], Document[Letter]]:
    """Read a letter from a folder that holds a file `word`."""
    (tmp_path / "word").write_text("hello")
    return lambda text: read(text.encode(), Letter, file=str(tmp_path / "f.yaml"))


def test_a_value_or_the_name_of_its_file_beside_the_document_may_be_given(
    letter: Callable[[str], Document[Letter]],
) -> None:
    found = letter("salutation_file: word\nsignature: me\n").result()
    assert found == Letter(salutation=Word("hello"), signature=Word("me"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("signature: me", "salutation: is missing: give salutation or salutation_file"),
        ("salutation:", "salutation: is missing: give salutation or salutation_file"),
        ("salutation: a\nsalutation_file: word", "salutation_file: give salutation or salutation_file, not both"),
        ("salutation_file: none", "salutation_file: cannot read DIR/none: No such file or directory"),
        ("salutation_file: ''", "salutation_file: must be the name of a file"),
        ("salutation_file: [word]", "salutation_file: expected text, found a list"),
        ("salutation: a\nsignatur_file: word", "signatur_file: unknown key: did you mean signature_file?"),
        (
            "salutation: a\nstamp: 8",
            "stamp: unknown key: salutation, salutation_file, signature and signature_file",
        ),
    ],
)
def test_a_fault_of_a_file_is_reported_at_the_key_that_names_it(
    letter: Callable[[str], Document[Letter]], tmp_path: Path, text: str, message: str
) -> None:
    [problem] = letter(text).problems
    assert f"{problem.key}: {problem.message}".startswith(message.replace("DIR", str(tmp_path)))


def test_a_struct_that_lacks_something_required_is_there_for_further_checks(
    letter: Callable[[str], Document[Letter]],
) -> None:
    document = letter("signature: me\n")
    assert document.value is not None
    assert document.value.signature == "me"
    assert document.reported(document.value, "salutation")
    assert document.given(document.value) == {"signature"}
    with pytest.raises(ConfigError):
        document.result()


@pytest.mark.parametrize("fault", ["<<: 5", "<<: [{word: x}, 5]", "unknown: 1"])
def test_a_fault_in_one_part_of_a_mapping_hides_no_other_part(fault: str) -> None:
    document = read_text(f"items:\n  - word: a\n    mode: odd\n    {fault}\n")
    assert document.value is not None
    assert document.value.items == (Inner(word="a"),)
    assert len(document.problems) == 2


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("true", True), ("no", False)])
def test_a_union_takes_what_the_value_is(text: str, value: object) -> None:
    level = value_of(f"level: {text}").level
    assert (level, type(level)) == (value, type(value))


@pytest.mark.parametrize("text", ["[a, b]", "'a, b,'", "${LIST}"])
def test_a_list_may_be_one_text_with_commas_where_the_schema_says_so(text: str) -> None:
    assert value_of(f"several: {text}", {"LIST": " a,b"}).several == ["a", "b"]


def test_what_a_variable_stands_for_is_replaced_once() -> None:
    assert value_of("several: ${A}", {"A": "${B},$${C}"}).several == ["${B}", "$${C}"]


def test_a_date_and_an_equals_sign_are_text() -> None:
    assert value_of("names: [2024-01-01, =]").names == ["2024-01-01", "="]


def test_anchors_and_merge_keys_save_repetition_and_own_keys_win() -> None:
    text = """
    items:
      - &first {word: a, mode: fast}
      - {<<: *first, word: b}
      - {<<: [*first], mode: slow}
    """
    assert value_of(text).items == (
        Inner(word="a", mode="fast"),
        Inner(word="b", mode="fast"),
        Inner(word="a", mode="slow"),
    )


def test_all_problems_are_reported_in_the_order_of_their_lines() -> None:
    assert problems_of(
        """
        count: 11
        items:
          - {word: a, mode: medium}
          - {wrod: b}
          - word: 5
        switch: 1
        ratio: lots
        count: 3
        """
    ) == [
        "f.yaml:2: count: must be at most 10",
        "f.yaml:4: items[0].mode: must be slow or fast",
        "f.yaml:5: items[1].wrod: unknown key: did you mean word?",
        "f.yaml:5: items[1].word: is missing",
        "f.yaml:6: items[2].word: expected text, found a number: put it in quotes",
        "f.yaml:7: switch: expected true or false, found a number",
        "f.yaml:8: ratio: expected a number like 12 or 0.5, found text",
        "f.yaml:9: count: duplicate key, first on line 2",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "f.yaml:1: expected a mapping, found a list"),
        ("just text", "f.yaml:1: expected a mapping, found text"),
        ("inner: text", "f.yaml:1: inner: expected a mapping, found text"),
        ("items: {word: a}", "f.yaml:1: items: expected a list, found a mapping"),
        ("items: [~]", "f.yaml:1: items[0]: has no value: expected a mapping"),
        ("inner: {word: }", "f.yaml:1: inner.word: has no value: expected text"),
        ("names: [yes]", "f.yaml:1: names[0]: expected text, found true or false: put it in quotes"),
        ("several: 5", "f.yaml:1: several: expected a list, found a number"),
        ("count: '5'", "f.yaml:1: count: expected a whole number in plain digits, found text: remove the quotes"),
        ("count: 1.5", "f.yaml:1: count: expected a whole number in plain digits"),
        ("count: 0x5", "f.yaml:1: count: expected a whole number in plain digits"),
        ("count: 1:30", "f.yaml:1: count: expected a whole number in plain digits"),
        ("count: 9999999999999999999999", "f.yaml:1: count: expected a whole number in plain digits"),
        ("ratio: .inf", "f.yaml:1: ratio: expected a number like 12 or 0.5"),
        ("even: 3", "f.yaml:1: even: must be even"),
        ("even: yes", "f.yaml:1: even: must be even"),
        ("word: x", "f.yaml:1: word: unknown key: did you mean inner.word?"),
        ("? [a]\n: b", "f.yaml:1: a key must be text"),
        ("<<: 5", "f.yaml:1: expected a mapping, found a number"),
        (
            "count: !!python/name:os.system x",
            "f.yaml:1: count: expected a whole number in plain digits, found a value with a tag",
        ),
        ("inner: !thing {word: x}", "f.yaml:1: inner: expected a mapping, found a value with a tag"),
        ("count: 1\n---\ncount: 2", "f.yaml:2: a second document begins here"),
        ("count:\n\t- 1", "f.yaml:2: not valid YAML: while scanning for the next token"),
    ],
)
def test_a_syntax_error_is_reported_with_its_line_and_advice(text: str, message: str) -> None:
    [problem] = problems_of(text)
    assert problem.startswith(message)


def test_a_long_unknown_key_is_cut() -> None:
    [problem] = problems_of(f"{'k' * 500}: 1")
    assert f"f.yaml:1: {'k' * 80}…: unknown key" in problem


def test_a_problem_stays_on_one_line_whatever_the_key_holds() -> None:
    assert problems_of('"a\\nb\\e": 1')[0].startswith(r"f.yaml:1: a\nb\x1b: unknown key")


@pytest.mark.parametrize(
    "text",
    [
        "inner: {word: a, token: 1234567}",
        "inner: {word: a, token: [planted]}",
        "inner: {word: a, token: {planted: planted}}",
        "inner: {word: a, token: !planted x}",
        "inner: {word: a, token: *planted}",
        "inner: {word: a, token: &planted}",
        "inner: {word: a, token: x, planted}",
        "inner: {word: a, token: x, planted, planted}",
        "inner: {word: a, token: '${planted'}",
        "inner: {word: a, even_token: planted}",
        "inner: planted",
        "inner:\n  word: a\n  token: |\n    x\n  planted",
        "inner:\n  word: a\n  token: 'planted",
        "inner:\n  word: a\n  token: a: planted",
        "inner:\n  word: a\n  token: %planted",
        "inner:\n  word: a\n  token: !planted!planted planted",
        'inner:\n  word: a\n  token: "\\planted"',
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_no_message_repeats_what_stands_where_a_secret_belongs(
    text: str, loader: type[yaml.SafeLoader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.yamlfile.reading.compose", lambda data: compose(data, loader))
    document = read_text(text, {})
    said = "\n".join(map(str, document.problems))
    assert "planted" not in said
    assert "1234567" not in said
    assert said or document.value == Outer(inner=Inner(word="a"))


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a: &a [*a]", 1, "an alias refers to a value that contains it"),
        (b"a: 1\nb: &b {c: *b}", 2, "an alias refers to a value that contains it"),
        (b"a: \xff", 1, "not UTF-8: save the file as UTF-8"),
        (b"a: 1\nb: \xc3\xbc\nc: \xff", 3, "not UTF-8: save the file as UTF-8"),
        ("a: ü".encode("utf-16"), 1, "not UTF-8: save the file as UTF-8"),
        (b"a: 1\nb: \x07", 2, "control character U+0007: remove it, or write it as an escape in double quotes"),
        (b"- " * 50, 1, "nested deeper than 40 levels"),
    ],
)
def test_what_is_no_reasonable_text_is_refused(
    data: bytes, line: int | None, message: str, loader: type[yaml.SafeLoader]
) -> None:
    with pytest.raises(UnreadableYamlError) as caught:
        compose(data, loader)
    assert (caught.value.line, caught.value.message) == (line, message)


@pytest.mark.parametrize("shape", ["[{}]", "{{k: {}}}"])
def test_aliases_that_multiply_are_refused_before_they_are_expanded(shape: str) -> None:
    levels = ["x0: &x0 " + shape.format("x")]
    for level in range(1, 30):
        inner = ", ".join([f"*x{level - 1}"] * 10)
        levels.append(f"x{level}: &x{level} [{inner}]")
    [problem] = problems_of("\n".join(levels))
    assert "values, each use of an alias counted" in problem


def test_aliases_to_a_long_text_count_by_its_length() -> None:
    uses = ", ".join(["*long"] * 5000)
    [problem] = problems_of(f"inner: {{word: &long {'x' * 10_000}}}\nnames: [{uses}]")
    assert "values, each use of an alias counted" in problem


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_without_recursion(opening: str) -> None:
    [problem] = problems_of(opening * 20_000)
    assert problem.startswith("f.yaml:1: n")


def test_problems_found_later_have_the_line_of_their_key_or_of_the_nearest_around_it() -> None:
    document = read_text("\nitems:\n  - word: a\n  - word: b\n    mode: fast\n")
    assert document.value is not None
    second = document.value.items[1]
    document.report(second, "mode", "too fast")
    document.report(second, "token", "is missing")
    document.report(second, "", "not wanted")
    assert list(map(str, document.problems)) == [
        "f.yaml:5: items[1].mode: too fast",
        "f.yaml:4: items[1].token: is missing",
        "f.yaml:4: items[1]: not wanted",
    ]


def test_a_check_across_fields_can_ask_which_of_them_are_faulty_already() -> None:
    document = read_text("inner: {word: a, token: 5}\nitems: [{word: b}]")
    assert document.value is not None
    inner, [item] = document.value.inner, document.value.items
    assert inner is not None
    assert inner.token is None
    assert document.reported(inner, "word", "token")
    assert not document.reported(inner, "word")
    assert not document.reported(item, "token")


def test_variables_are_replaced_in_values_and_only_there() -> None:
    text = """
    inner: {word: "${A}-$${A}-$A", token: "${A}"}
    count: ${N}
    switch: ${Y}
    labels: {"${A}": "${N}"}
    names: ["#${A}"] # ${NOT_SET}
    """
    assert value_of(text, {"A": "a: [", "N": "7", "Y": "true"}) == Outer(
        inner=Inner(word="a: [-${A}-$A", token="a: ["), count=7, switch=True, labels={"${A}": "7"}, names=["#a: ["]
    )


def test_without_an_environment_nothing_is_replaced() -> None:
    assert value_of("names: ['${A}']").names == ["${A}"]


def test_each_variable_that_is_not_set_is_named() -> None:
    assert problems_of("names: ['${A}${B}${C}', '${B}', '${ C}']", {"C": ""}) == [
        "f.yaml:1: names[0]: environment variable A and B are not set",
        "f.yaml:1: names[1]: environment variable B is not set",
        "f.yaml:1: names[2]: ${ begins a variable, as in ${NAME}: write $${ for a literal ${",
    ]


def test_a_variable_that_is_not_utf_8_is_refused() -> None:
    assert problems_of("names: ['${A}']", {"A": "\udcff"}) == [
        "f.yaml:1: names[0]: contains a character that UTF-8 cannot encode"
    ]


@given(st.text(alphabet="${}A "), st.text())
def test_expanding_leaves_the_text_of_variables_alone(text: str, value: str) -> None:
    quoted = text.replace("${", "$${")
    assert expand(quoted + " ${A}", {"A": value}) == text + " " + value


def test_a_file_is_read_and_one_that_cannot_be_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("count: 3\n")
    assert read_file(file, Outer).result().count == 3
    for path, reason in (
        (tmp_path / "none.yaml", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / "a\0b", "not a file name"),
    ):
        assert read_file(path, Outer).problems == [Problem(str(path), None, "", f"cannot be read: {reason}")]


def test_an_endless_file_and_a_pipe_without_a_writer_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        [problem] = read_file(path, Outer).problems
        assert problem.message == "cannot be read: not a regular file"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    [problem] = read_file(tmp_path / "f.yaml", Outer).problems
    assert problem.message == "cannot be read: larger than 8 MiB"


_WORDS = st.sampled_from(
    [
        *(
            "inner",
            "items",
            "names",
            "labels",
            "word",
            "token",
            "mode",
            "count",
            "switch",
            "<<",
            "slow",
            "yes",
            "5",
            "~",
        ),
        *(
            ": ",
            "- ",
            "\n",
            "\n  ",
            "\n    ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&a ",
            "*a",
            "!!int ",
            "!x ",
            '"',
            "'",
            "|",
            ">",
        ),
        *(
            "? ",
            "# ",
            "%",
            "@",
            "\t",
            "---\n",
            "...\n",
            "${A}",
            "${",
            "\\x",
            "\ufeff",
            "\u2028",
            "ü",
            "0.5",
            "2024-01-01",
        ),
    ]
)


@given(st.lists(_WORDS, max_size=40).map("".join))
@example('"\\UFFFFFFFF"')
@example("? " * 100)
@example("a: !!int\n")
@example("<<: &a [*a]")
def test_no_text_does_anything_but_give_a_value_or_problems(text: str) -> None:
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        with contextlib.suppress(UnreadableYamlError):
            compose(text.encode(), loader)
    document = read(text.encode(), Outer, file="f.yaml", environ={"A": "1"})
    assert document.problems or isinstance(document.value, Outer)
    assert all(len(str(problem).splitlines()) == 1 for problem in document.problems)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_give_a_value_or_problems(data: bytes) -> None:
    document = read(data, Outer, file="f.yaml", environ={})
    assert document.problems or isinstance(document.value, Outer)
