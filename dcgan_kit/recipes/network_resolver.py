"""Resolve a network: its nodes → its blocks, each with the values that it inherits from the network."""

from __future__ import annotations

from dcgan_kit.errors import Problem, did_you_mean
from dcgan_kit.recipes import key_declarations, keys
from dcgan_kit.recipes.extends import merged_slot
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.resolved import Block, Choice, NetworkPlan, Role
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.validation import Path, known_keys


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
        stages = network.child("stages")
        for index in range(len(stages.value) if stages and isinstance(stages.value, list) else 0):
            rule = keys.GENERATOR_STAGE if generator else keys.DISCRIMINATOR_STAGE
            blocks.append(self._block(network, rule, f"stage{index + 1}", (role, "stages", index)))
        rule = keys.GENERATOR_OUTPUT if generator else keys.DISCRIMINATOR_OUTPUT
        blocks.append(self._block(network, rule, "output", (role, "output")))
        return NetworkPlan(role, tuple(block for block in blocks if block is not None))

    def _check_defaults(self, network: Node, role: Role) -> None:
        # Check each default here: if every block replaces it, no block would report that it is wrong.
        for key, node in network.items():
            if key in keys.SLOT_KEYS and key in known_keys(key_declarations.Recipe, (role,)) and node.value is not None:
                self.slots.choice(key, node, (role, key))

    def _block(self, network: Node, rule: keys.BlockRule, name: str, path: Path) -> Block | None:
        block = self.recipe.find(path)
        if block is None or not isinstance(block.value, dict):
            return None
        order = self._order(block, rule, path)
        slots: dict[str, Choice] = {}
        for slot in rule.slots:
            if slot == "reshape":
                continue
            choice = self._slot(network, block, slot, path, inherits=slot in rule.inherited)
            if choice is not None:
                if slot in order or slot == "convolution":
                    slots[slot] = choice
            elif slot in rule.required and slot in order and self._unset(network, block, slot, rule):
                self._missing(network, (*path, slot), f"is missing: name a component of kind {slot}")
            own = block.child(slot)
            if own is not None and own.value is not None and slot not in order and slot != "convolution":
                # If the parent sets the slot and the recipe's own order omits it, report the place of the order.
                place = own if own is self.recipe.own((*path, slot)) else self.recipe.locate((*path, "order"))
                self._problem((*path, slot), f"is set but not in the block's order [{', '.join(order)}]", place)
        initializer = self._slot(network, block, "initializer", path, inherits=True)
        if initializer is None and self._unset(network, block, "initializer", rule):
            self._missing(network, (*path, "initializer"), "is missing: name one here or for the whole network")
        constraint = self._slot(network, block, "constraint", path, inherits=True)
        filters, bias = block.child("filters"), self._inherited(network, block, "bias")
        if initializer is None:
            return None
        return Block(
            name=name,
            path=path,
            filters=filters.value if filters and isinstance(filters.value, int) else None,
            order=order,
            slots=slots,
            initializer=initializer,
            constraint=constraint,
            bias=bias.value if bias is not None and isinstance(bias.value, bool) else True,
        )

    def _missing(self, network: Node, path: Path, message: str) -> None:
        default = network.child(str(path[-1]))
        emptied = self.recipe.find(path) is None
        self._problem(path, message, default if default is not None and emptied else self.recipe.own(path))

    def _unset(self, network: Node, block: Node, slot: str, rule: keys.BlockRule) -> bool:
        inherits = slot in rule.inherited or slot == "initializer"
        own, default = block.child(slot), network.child(slot) if inherits else None
        return all(node is None or node.value is None for node in (own, default))

    def _inherited(self, network: Node, block: Node, key: str) -> Node | None:
        own = block.child(key)
        return own if own is not None and own.value is not None else network.child(key)

    def _order(self, block: Node, rule: keys.BlockRule, path: Path) -> tuple[str, ...]:
        node = block.child("order")
        if node is None or not isinstance(node.value, list):
            return rule.order
        order = tuple(item.value for item in node.value if isinstance(item.value, str))
        wrong = len(order) < len(node.value)
        for index, item in enumerate(node.value):
            if isinstance(item.value, str) and item.value not in rule.slots:
                wrong = True
                hint = did_you_mean(item.value, rule.slots)
                self._problem((*path, "order", index), f"no slot of this block (given: {item.value!r}).{hint}", item)
        for slot in rule.essential.difference(order) if order and not wrong else ():
            wrong = True
            self.problems.append(Problem(node.mark, dotted((*path, "order")), f"must name {slot!r}"))
        # With a wrong order, it is unknown which slots the user wanted to omit.
        return order if order and not wrong else rule.order

    def _slot(self, network: Node, block: Node, slot: str, path: Path, inherits: bool) -> Choice | None:
        own = block.child(slot)
        default = network.child(slot) if inherits else None
        if own is None or own.value is None:
            # Problems of a default are reported once, by _check_defaults.
            return self.slots.choice(slot, default, (*path, slot), report=False) if default and default.value else None
        node = merged_slot(default, own) if default is not None and default.value is not None else own
        return self.slots.choice(slot, node, (*path, slot))

    def _problem(self, path: Path, message: str, node: Node) -> None:
        self.problems.append(Problem(node.place, dotted(path), message))
