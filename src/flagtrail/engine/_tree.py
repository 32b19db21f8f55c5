"""Nodes of a syntax tree that stand at one place, as all of a generated function does: to number their lines
afterwards would take nearly half of the time that compiling takes.
"""

import ast


class _Placed:
    lineno = 1
    col_offset = 0


class Attribute(_Placed, ast.Attribute): ...


class BoolOp(_Placed, ast.BoolOp): ...


class Call(_Placed, ast.Call): ...


class Compare(_Placed, ast.Compare): ...


class Constant(_Placed, ast.Constant): ...


class IfExp(_Placed, ast.IfExp): ...


class Name(_Placed, ast.Name): ...


class NamedExpr(_Placed, ast.NamedExpr): ...


class Subscript(_Placed, ast.Subscript): ...


class UnaryOp(_Placed, ast.UnaryOp): ...


class Assign(_Placed, ast.Assign): ...


class AugAssign(_Placed, ast.AugAssign): ...


class FunctionDef(_Placed, ast.FunctionDef): ...


class If(_Placed, ast.If): ...


class Return(_Placed, ast.Return): ...


class Argument(_Placed, ast.arg): ...
