"""Splitting joined assignments: same bits, one statement per target."""

from cosim.verilog import processes_without_inputs, split_assignments

HEAD = """module top(a, b);
  input [7:0] a;
  output [3:0] b;
  wire [3:0] \\x.y ;
  wire z;
"""


def split(line: str) -> list[str]:
    lines = split_assignments(HEAD + line + "\nendmodule\n").splitlines()
    return [text.strip() for text in lines[HEAD.count("\n") : -1]]


def test_slices_and_constants_are_shared_out():
    assert split("  assign { b, \\x.y [3:2], z } = { a[6:1], 1'h1 };") == [
        "assign b = a[6:3];",
        "assign \\x.y [3:2] = a[2:1];",
        "assign z = 1'h1;",
    ]


def test_constants_are_cut_at_the_right_bits():
    assert split("  assign { b, z } = 5'h19;") == ["assign b = 4'hc;", "assign z = 1'h1;"]


def test_a_target_may_need_several_sources():
    assert split("  assign { \\x.y , b[1:0] } = { z, a[4:0] };") == [
        "assign \\x.y  = { z, a[4:2] };",
        "assign b[1:0] = a[1:0];",
    ]


def test_an_expression_gets_a_name():
    assert split("  assign { z, b[1:0] } = a[2:0] & a[5:3];") == [
        "wire [2:0] joined_5;",
        "assign joined_5 = a[2:0] & a[5:3];",
        "assign z = joined_5[2];",
        "assign b[1:0] = joined_5[1:0];",
    ]


def test_everything_else_stays():
    for line in ("  assign b = a[3:0];", "  always @(posedge z) begin", "  assign { q } = { a };"):
        assert split(line) == [line.strip()]


def test_widths_belong_to_their_module():
    other = "module other(a);\n  input [1:0] a;\n  wire c;\n  wire d;\n  assign { c, d } = a;\nendmodule\n"
    text = split_assignments(HEAD + "endmodule\n" + other)
    assert "assign c = a[1];" in text
    assert "assign d = a[0];" in text


def process(*statements: str) -> str:
    body = "\n".join(f"    {statement}" for statement in statements)
    return f"  always @* begin\n    if (\\$auto$guard ) begin end\n{body}\n  end\n"


def test_processes_that_never_run_are_found():
    """The simulator would leave their targets at their initial values."""
    constant = process("z = 1'h0;")
    assert len(processes_without_inputs(constant)) == 1
    assert not processes_without_inputs(process("z = 1'h0;", "if (a[0]) begin", "  z = 1'h1;", "end"))
    assert not processes_without_inputs(process("b = a[3:0];"))
    assert len(processes_without_inputs(process("b = a[3:0];") + constant)) == 1
