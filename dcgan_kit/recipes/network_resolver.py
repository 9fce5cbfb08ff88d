"""Resolve a network: its nodes → its blocks, each with the values that it inherits from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcgan_kit.errors import Problem
from dcgan_kit.recipes import key_declarations, keys, network_declarations
from dcgan_kit.recipes.block_order import RESHAPE, WITH_FILTERS, OrderResolution
from dcgan_kit.recipes.extends import STAGES, merged_slot, stage_names
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.resolved import Block, BlockItem, Choice, NetworkPlan, Role, ShortcutPlan
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.validation import Path, known_keys

STAGE_RULES = (keys.GENERATOR_STAGE, keys.DISCRIMINATOR_STAGE)


class NetworkResolution:
    """Resolves the two networks.

    Args:
        recipe: the whole recipe.
        slots: resolves a single slot.
        problems: list to which problems are added.
    """

    def __init__(self, recipe: Node, slots: SlotResolution, problems: list[Problem]) -> None:
        self.recipe = recipe
        self.slots = slots
        self.problems = problems

    def plan(self, role: Role) -> NetworkPlan:
        """Return a network's blocks, without those that have problems."""
        network = self.recipe.find((role,))
        if network is None or not isinstance(network.value, dict):
            return NetworkPlan(role, ())
        self._check_defaults(network, role)
        generator = role == "generator"
        blocks = []
        if generator:
            blocks.append(self._block(network, keys.GENERATOR_INPUT, "input", (role, "input")))
        rule = keys.GENERATOR_STAGE if generator else keys.DISCRIMINATOR_STAGE
        blocks += [self._block(network, rule, name, path) for name, path in self._stages(network, role)]
        rule = keys.GENERATOR_OUTPUT if generator else keys.DISCRIMINATOR_OUTPUT
        blocks.append(self._block(network, rule, "output", (role, "output")))
        return NetworkPlan(role, tuple(block for block in blocks if block is not None))

    def _stages(self, network: Node, role: Role) -> Iterator[tuple[str, Path]]:
        """Yield the name and the path of each stage: its own name, or ``stage`` and its number."""
        node = network.child(STAGES)
        stages = node.value if node is not None and isinstance(node.value, list) else []
        names = ["input", "output", *stage_names(stages)]
        for index, (name, stage) in enumerate(zip(names[2:], stages, strict=True)):
            given = stage.child("name")
            if given is not None and names.count(name) > 1:
                message = f"is taken: give every block a name of its own (given: {name!r})"
                self._problem((role, STAGES, index, "name"), message, given)
            yield name, (role, STAGES, index)

    def _check_defaults(self, network: Node, role: Role) -> None:
        # Check each default here: if every block replaces it, no block would report that it is wrong.
        for key, node in network.items():
            if key in keys.SLOT_KEYS and key in known_keys(key_declarations.Recipe, (role,)) and node.value is not None:
                self.slots.choice(key, node, (role, key))

    def _block(self, network: Node, rule: keys.BlockRule, name: str, path: Path) -> Block | None:
        block = self.recipe.find(path)
        if block is None or not isinstance(block.value, dict):
            return None
        return _BlockResolution(self, network, block, rule, path).block(name)

    def _problem(self, path: Path, message: str, node: Node) -> None:
        self.problems.append(Problem(node.place, dotted(path), message))


class _BlockResolution:
    """Resolves one block. Its own values are laid over those of its network."""

    def __init__(
        self, networks: NetworkResolution, network: Node, block: Node, rule: keys.BlockRule, path: Path
    ) -> None:
        self.recipe, self.slots, self.problems = networks.recipe, networks.slots, networks.problems
        self.network, self.node, self.rule, self.path = network, block, rule, path
        self.chosen = self._choices()
        self.orders = OrderResolution(rule, self.slots, self._merged, self.chosen, self.problems)

    def block(self, name: str) -> Block | None:
        order = self._order()
        shortcut = self._shortcut()
        items = (*order, *(shortcut.order or () if shortcut else ()))
        self._require(items)
        self._check_unused(order, items)
        self._check_widths(order)
        initializer = self._slot("initializer")
        if initializer is None:
            if self._unset("initializer"):
                self._missing("initializer", "is missing: name one here or for the whole network")
            return None
        repeat, bias = self.node.child("repeat"), self._plain("bias")
        used = {item.slot for item in items} | {"convolution"}
        return Block(
            name=name,
            path=self.path,
            filters=self._filters(),
            order=order,
            slots={slot: choice for slot, choice in self.chosen.items() if slot in used},
            initializer=initializer,
            constraint=self._slot("constraint"),
            bias=bias.value if bias is not None and isinstance(bias.value, bool) else True,
            repeat=repeat.value if repeat is not None and type(repeat.value) is int else 1,
            shortcut=shortcut,
        )

    def _choices(self) -> dict[str, Choice]:
        """Return the component in each slot of the block, whether or not its order names the slot."""
        found = {slot: self._slot(slot) for slot in self.rule.slots if slot != RESHAPE}
        return {slot: choice for slot, choice in found.items() if choice is not None}

    def _order(self) -> tuple[BlockItem, ...]:
        node = self._plain("order") if self.rule in STAGE_RULES else self.node.child("order")
        if node is None or not isinstance(node.value, list) or not node.value:
            return self.orders.plain(self.rule.order, self.path)
        own = self.node.child("order") is node
        order_path = (*self.path, "order") if own else (self.path[0], "order")
        items = self.orders.items(node, order_path, self.path)
        wrong = len(items) < len(node.value)
        for slot in self.rule.essential.difference(item.slot for item in items) if not wrong else ():
            wrong = True
            self.problems.append(Problem(node.mark, dotted(order_path), f"must name {slot!r}"))
        # With a wrong order, it is unknown which slots the user wanted to omit.
        return self.orders.plain(self.rule.order, self.path) if wrong else items

    def _shortcut(self) -> ShortcutPlan | None:
        """Return the shortcut of a stage; that of the network if the stage sets none."""
        node = self._plain("shortcut") if self.rule in STAGE_RULES else None
        if node is None or node.value in (None, False):
            return None
        path = (*self.path, "shortcut") if self.node.child("shortcut") is node else (self.path[0], "shortcut")
        options = network_declarations.Shortcut()
        order, join, scale = node.child("order"), node.child("join"), node.child("scale")
        return ShortcutPlan(
            order=self.orders.items(order, (*path, "order"), self.path) if order and order.value else None,
            # Validation of the recipe reports values of the wrong type.
            join="concatenate" if join is not None and join.value == "concatenate" else options.join,
            scale=float(scale.value) if scale is not None and isinstance(scale.value, int | float) else options.scale,
            path=path,
        )

    def _require(self, items: Sequence[BlockItem]) -> None:
        """Report slots that must have a component and have none."""
        for slot in dict.fromkeys(item.slot for item in items if item.choice is None and not item.own):
            if slot in self.rule.required and self._unset(slot):
                self._missing(slot, f"is missing: name a component of kind {slot}")

    def _check_unused(self, order: Sequence[BlockItem], items: Sequence[BlockItem]) -> None:
        """Report slots that the block sets, and that neither its order nor its shortcut names."""
        named = {item.slot for item in items} | {"convolution"}
        for slot in self.rule.slots:
            own = self.node.child(slot)
            if own is not None and own.value is not None and slot not in named:
                path = (*self.path, slot)
                # If the parent sets the slot and the recipe's own order omits it, report the place of the order.
                place = own if own is self.recipe.own(path) else self.recipe.locate((*self.path, "order"))
                names = ", ".join(item.slot for item in order)
                self._problem(path, f"is set but not in the block's order [{names}]", place)

    def _check_widths(self, order: Sequence[BlockItem]) -> None:
        """Report a block that says in two ways how many channels it returns."""
        last = next((item for item in reversed(order) if item.slot in WITH_FILTERS), None)
        filters = self._filters()
        if last is None or None in (last.filters, filters) or last.filters == filters:
            return
        message = f"the last {last.slot} returns {last.filters} channels and the block {filters}: give only one of both"
        self._problem(last.path, message, self.recipe.locate(last.path))

    def _filters(self) -> int | None:
        node = self.node.child("filters")
        return node.value if node is not None and type(node.value) is int else None

    def _missing(self, slot: str, message: str) -> None:
        path, default = (*self.path, slot), self.network.child(slot)
        emptied = self.recipe.find(path) is None
        self._problem(path, message, default if default is not None and emptied else self.recipe.own(path))

    def _inherits(self, slot: str) -> bool:
        return slot in self.rule.inherited or slot in ("initializer", "constraint")

    def _unset(self, slot: str) -> bool:
        own, default = self.node.child(slot), self.network.child(slot) if self._inherits(slot) else None
        return all(node is None or node.value is None for node in (own, default))

    def _plain(self, key: str) -> Node | None:
        """Return a key of the block, or that of its network."""
        own = self.node.child(key)
        return own if own is not None and own.value is not None else self.network.child(key)

    def _merged(self, slot: str) -> Node | None:
        """Return a slot of the block, laid over that of its network; None if both are empty."""
        own = self.node.child(slot)
        default = self.network.child(slot) if self._inherits(slot) else None
        if default is None or default.value is None:
            return None if own is None or own.value is None else own
        return default if own is None or own.value is None else merged_slot(default, own)

    def _slot(self, slot: str) -> Choice | None:
        node, own = self._merged(slot), self.node.child(slot)
        # Problems of a default are reported once, by ``_check_defaults``.
        inherited = own is None or own.value is None
        return None if node is None else self.slots.choice(slot, node, (*self.path, slot), report=not inherited)

    def _problem(self, path: Path, message: str, node: Node) -> None:
        self.problems.append(Problem(node.place, dotted(path), message))
