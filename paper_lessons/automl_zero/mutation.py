"""Mutations: small random changes that make a child from a parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import IntEnum

import numpy as np

from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import COMPONENTS, Op, OpSet
from paper_lessons.automl_zero.program import Instruction, Program

Component = tuple[Instruction, ...]


class Mutation(IntEnum):
    """The types of mutation, with the numbers of the authors' reference.

    Examples
    --------
    >>> Mutation.insert
    <Mutation.insert: 4>
    """

    alter_parameter = 0
    randomize_instruction = 1
    randomize_component = 2
    identity = 3
    insert = 4
    remove = 5
    trade = 6
    randomize_program = 7


def random_instruction(
    ops: Sequence[Op], memory: Memory, generator: np.random.Generator
) -> Instruction:
    """An instruction whose op, addresses and constants are all drawn.

    Parameters
    ----------
    ops : sequence of Op
        The op is drawn uniformly from these.
    memory : Memory
        Addresses are drawn uniformly from its; an output is never s0 or v0.
    generator : numpy.random.Generator
        Where to draw from.

    Returns
    -------
    Instruction
        Constants: values, means and bounds uniform in (-1, 1), standard deviations and indices in
        (0, 1).

    Raises
    ------
    ValueError
        If there are no ops, or the memory lacks a kind that the drawn op needs.

    Examples
    --------
    >>> print(random_instruction([Op.scalar_abs], Memory(2, 1, 0), np.random.default_rng(0)))
    s1 = abs(s1)
    """
    if not len(ops):
        raise ValueError("ops must hold at least one op, got none")
    op = ops[_pick(len(ops), generator)]
    in1, in2 = [*(_draw_address(kind, 0, op, memory, generator) for kind in op.inputs), 0, 0][:2]
    out = 0
    if op.output:
        first = memory.first_output(op.output)
        out = _draw_address(op.output, first, op, memory, generator)
    low = {"std": 0.0, "index": 0.0, "row": 0.0, "column": 0.0}
    data = [generator.uniform(low.get(name, -1.0), 1.0) for name in op.data]
    return Instruction(op, in1, in2, out, data)


def random_component(
    size: int, ops: Sequence[Op], memory: Memory, generator: np.random.Generator
) -> Component:
    """So many random instructions."""
    return tuple(random_instruction(ops, memory, generator) for _ in range(size))


def random_program(
    sizes: Sequence[int], op_set: OpSet, memory: Memory, generator: np.random.Generator
) -> Program:
    """A program of random instructions.

    Parameters
    ----------
    sizes : three ints
        Instructions of Setup, Predict and Learn.
    op_set : OpSet
        The ops of each; a component without ops must have size 0.
    memory : Memory
        Addresses.
    generator : numpy.random.Generator
        Where to draw from.

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        As for `random_instruction`.

    Examples
    --------
    >>> random_program((1, 2, 3), OpSet.demo(), Memory(), np.random.default_rng(0)).sizes
    (1, 2, 3)
    """
    return Program(
        *(
            random_component(size, ops, memory, generator)
            for size, ops in zip(sizes, op_set, strict=True)
        )
    )


def alter_data(instruction: Instruction, generator: np.random.Generator) -> Instruction:
    """Change one constant of an instruction, chosen uniformly.

    An index is drawn anew. Any other number x becomes ``sign(x) exp(log|x| + N(0, 1))``, but for one
    time in ten, when its sign turns (never that of a standard deviation). Zero stays zero. The bounds
    of a uniform op are put in order afterwards.

    Parameters
    ----------
    instruction : Instruction
        One with constants; any other comes back as it is.
    generator : numpy.random.Generator
        Where to draw from.

    Returns
    -------
    Instruction

    Notes
    -----
    Source: the reference. (The paper's text says: multiplied by a number between 0.5 and 2.)

    Examples
    --------
    >>> one = Instruction(Op.scalar_const, out=2, data=[1.0])
    >>> print(alter_data(one, np.random.default_rng(0)))
    s2 = 0.876249
    """
    names = instruction.op.data
    if not names:
        return instruction
    place = _pick(len(names), generator)
    data = list(instruction.data[: len(names)])
    if names[place] in ("index", "row", "column"):
        data[place] = generator.random()
    elif names[place] != "std" and generator.random() < 0.1:
        data[place] = -data[place]
    elif data[place] != 0.0:
        size = np.exp(np.log(abs(data[place])) + generator.standard_normal())
        data[place] = float(np.copysign(size, data[place]))
    if names == ("low", "high"):
        data.sort()
    try:
        return Instruction(instruction.op, out=instruction.out, data=data)
    except ValueError:  # grown out of float32
        return instruction


def alter_instruction(
    instruction: Instruction, memory: Memory, generator: np.random.Generator
) -> Instruction:
    """Change one address or constant of an instruction.

    Each input and the output are equally likely; instead of inputs, an op that only sets has its
    constants. An address is drawn uniformly, and may be the old one.

    Parameters
    ----------
    instruction : Instruction
        What to change; a no_op comes back as it is.
    memory : Memory
        Addresses.
    generator : numpy.random.Generator
        Where to draw from.

    Returns
    -------
    Instruction

    Examples
    --------
    >>> old = Instruction(Op.scalar_sum, 1, 2, 3)
    >>> print(alter_instruction(old, Memory(), np.random.default_rng(0)))
    s2 = s1 + s2
    """
    op = instruction.op
    if op.output is None:
        return instruction
    parts = (["in1", "in2"][: len(op.inputs)] or ["data"]) + ["out"]
    part = parts[_pick(len(parts), generator)]
    if part == "data":
        return alter_data(instruction, generator)
    if part == "out":
        first = memory.first_output(op.output)
        return replace(instruction, out=_draw_address(op.output, first, op, memory, generator))
    if part == "in1":
        return replace(instruction, in1=_draw_address(op.inputs[0], 0, op, memory, generator))
    return replace(instruction, in2=_draw_address(op.inputs[1], 0, op, memory, generator))


def mutate_component(
    component: Component,
    mutation: Mutation,
    ops: Sequence[Op],
    memory: Memory,
    generator: np.random.Generator,
    *,
    smallest: int = 0,
    largest: int,
) -> Component:
    """Apply one mutation to one component.

    Parameters
    ----------
    component : tuple of Instruction
        What to change.
    mutation : Mutation
        Any but identity and randomize_program, which are not about a component.
    ops : sequence of Op
        What new instructions are drawn from.
    memory : Memory
        Addresses.
    generator : numpy.random.Generator
        Where to draw from.
    smallest, largest : int
        Nothing is removed at size ``smallest`` or below, nothing inserted at size ``largest - 1`` or
        above: as in the reference, the greatest size is not reached. A trade is an insertion and a
        removal, at independent places, whatever the size.

    Returns
    -------
    tuple of Instruction

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> len(mutate_component((), Mutation.insert, [Op.no_op], Memory(), rng, largest=2))
    1
    """
    size = len(component)
    if mutation is Mutation.insert:
        if size >= largest - 1:
            return component
        return _insert(component, random_instruction(ops, memory, generator), generator)
    if mutation is Mutation.remove:
        return component if size <= smallest else _remove(component, generator)
    if mutation is Mutation.trade:
        grown = _insert(component, random_instruction(ops, memory, generator), generator)
        return _remove(grown, generator)
    if mutation is Mutation.randomize_component:
        return random_component(size, ops, memory, generator)
    if not component:
        return component
    place = _pick(size, generator)
    if mutation is Mutation.randomize_instruction:
        new = random_instruction(ops, memory, generator)
    else:
        new = alter_instruction(component[place], memory, generator)
    return (*component[:place], new, *component[place + 1 :])


def mutate(
    program: Program,
    generator: np.random.Generator,
    *,
    op_set: OpSet,
    memory: Memory,
    mutations: Iterable[Mutation | int],
    probability: float = 0.9,
    min_sizes: Sequence[int] = (0, 0, 0),
    max_sizes: Sequence[int],
) -> Program:
    """A child of a program.

    Parameters
    ----------
    program : Program
        The parent.
    generator : numpy.random.Generator
        Where to draw from.
    op_set : OpSet
        What new instructions are drawn from. A component without ops is never touched.
    memory : Memory
        Addresses.
    mutations : iterable of Mutation
        The type is drawn uniformly from these; one that stands twice is twice as likely.
    probability : float
        How likely the child is changed at all.
    min_sizes, max_sizes : three ints each
        Bounds of the components' sizes, the upper one exclusive; see `mutate_component`.

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If there are no mutations, no component has ops, or the probability is outside [0, 1].

    Notes
    -----
    Source: the paper's types of mutation, with the distributions of the authors' reference.

    Examples
    --------
    >>> parent = Program(learn=[Instruction(Op.no_op)])
    >>> settings = dict(op_set=OpSet.demo(), memory=Memory(), max_sizes=(10, 2, 8))
    >>> child = mutate(parent, np.random.default_rng(0), mutations=[Mutation.identity], **settings)
    >>> child == parent
    True
    """
    kinds = [Mutation(mutation) for mutation in mutations]
    open_places = [place for place, ops in enumerate(op_set) if ops]
    if not kinds or not open_places:
        raise ValueError("mutations must name a type and op_set an op, got none")
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability must lie in [0, 1], got {probability!r}")
    if generator.random() >= probability:
        return program
    mutation = kinds[_pick(len(kinds), generator)]
    if mutation is Mutation.identity:
        return program
    if mutation is Mutation.randomize_program:
        chosen = open_places
    else:
        chosen = [open_places[_pick(len(open_places), generator)]]
    of_component = (
        Mutation.randomize_component if mutation is Mutation.randomize_program else mutation
    )
    changed = dict(zip(COMPONENTS, program.components, strict=True))
    for place in chosen:
        changed[COMPONENTS[place]] = mutate_component(
            program.components[place],
            of_component,
            tuple(op_set)[place],
            memory,
            generator,
            smallest=min_sizes[place],
            largest=max_sizes[place],
        )
    return Program(**changed)


def _insert(component: Component, new: Instruction, generator: np.random.Generator) -> Component:
    place = _pick(len(component) + 1, generator)
    return (*component[:place], new, *component[place:])


def _remove(component: Component, generator: np.random.Generator) -> Component:
    place = _pick(len(component), generator)
    return (*component[:place], *component[place + 1 :])


def _pick(count: int, generator: np.random.Generator) -> int:
    return int(generator.integers(count))


def _draw_address(
    kind: str, first: int, op: Op, memory: Memory, generator: np.random.Generator
) -> int:
    beyond = memory.addresses(kind)
    if first >= beyond:
        name = {"s": "scalars", "v": "vectors", "m": "matrices"}[kind]
        raise ValueError(f"memory must have more {name} for {op.name}, got {beyond}")
    return int(generator.integers(first, beyond))
