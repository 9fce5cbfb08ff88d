"""Nodes → ``ResolvedRecipe``: shape, components, options, inheritance; every problem collected before any is told."""

from __future__ import annotations

from itertools import takewhile
from math import isfinite

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.plugin_loading import LoadedPlugins
from dcgan_kit.errors import Problem, RecipeError, did_you_mean
from dcgan_kit.recipes import keys, model
from dcgan_kit.recipes.extends import merged_slot
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.resolved import (
    Block,
    Choice,
    DistributionPlan,
    NetworkPlan,
    ResolvedRecipe,
    Role,
)
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.training_resolver import ComponentsOfTraining, training_plan, training_problems
from dcgan_kit.recipes.validation import Path, known_keys, paths_to, problems_of, validated


class UnknownNames(RecipeError):
    """A recipe whose only way to succeed is another plugin."""


def resolve(node: Node, plugins: LoadedPlugins, name: str) -> ResolvedRecipe:
    """Return the recipe with every component chosen and every default filled in.

    Args:
        node: a recipe after ``extends`` and overrides.
        plugins: what its names may mean.
        name: what the recipe is called.

    Raises:
        UnknownNames: at least one problem is a name that no loaded plugin offers.
        RecipeError: all other problems.
    """
    return _Resolution(node, plugins).recipe(name)


class _Resolution:
    def __init__(self, node: Node, plugins: LoadedPlugins) -> None:
        self.node = node
        self.plugins = plugins
        self.problems: list[Problem] = []
        self.slots = SlotResolution(plugins, self.problems)
        self.unknown_plugins = False

    def recipe(self, name: str) -> ResolvedRecipe:
        self.problems.extend(problems_of(model.Recipe, self.node, (), self._unknown_key))
        self._check_image()
        self._check_plugins()
        latent = self._required("latent")
        data = self._required("data")
        loss = self._required("training", "loss")
        penalty = self._optional("training", "penalty")
        augmentation = self._optional("training", "augmentation")
        optimizers = [self._of_network("optimizer", role) for role in ("generator", "discriminator")]
        schedules = [self._of_network("schedule", role) for role in ("generator", "discriminator")]
        extractor = self._optional("training", "evaluation", "extractor")
        scores = self._several("score", "training", "evaluation", "scores")
        probes = self._several("probe", "training", "probing", "probes")
        for path, message, place in training_problems(self.node):
            self._problem(path, message, place)
        generator = self._network("generator")
        discriminator = self._network("discriminator")
        if self.problems:
            unknown = self.unknown_plugins or self.slots.unknown_names
            raise (UnknownNames if unknown else RecipeError)(self.problems)
        shape = validated(model.Recipe, self.node)
        size = shape.image.size
        height, width = (size, size) if isinstance(size, int) else size
        components = ComponentsOfTraining(
            loss=loss,
            penalty=penalty,
            augmentation=augmentation,
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            generator_schedule=schedules[0],
            discriminator_schedule=schedules[1],
            extractor=extractor,
            scores=scores,
            probes=probes,
        )
        assert latent is not None
        assert data is not None
        assert loss is not None
        return ResolvedRecipe(
            name=name,
            description=shape.description,
            image=ImageSpec(height, width, shape.image.channels),
            value_range=shape.image.range,
            latent=latent,
            generator=generator,
            discriminator=discriminator,
            data=data,
            training=training_plan(shape.training, components),
            distribution=DistributionPlan(**shape.distribute.model_dump()),
            silence=shape.silence,
            plugins=shape.plugins,
            origin=self.node,
        )

    def _unknown_key(self, path: Path) -> str:
        key = str(path[-1])
        # It may be the right key in the wrong place: one of a section, or an option of a component. One of the top is
        # known to whoever writes a section.
        places = [*paths_to(model.Recipe, key), *self.node.options_called(key)]
        known = known_keys(model.Recipe, path[:-1])
        right = [place for place in places if place != path and len(place) > 1]
        # What stands for both networks may be said of one.
        right += [(*path[:-1], *place[1:]) for place in right if place[:1] == path[:1] and place[1] in known]
        # The nearest: of the same network, then the shortest.
        nearest = min(right, key=lambda place: (-_shared(place, path), len(place)), default=())
        return f"unknown key.{did_you_mean(key, known, dotted(nearest))}"

    def _problem(self, path: Path, message: str, node: Node | None = None) -> None:
        place = (node or self.node.locate(path)).place
        self.problems.append(Problem(place, dotted(path), message))

    def _at(self, *path: str | int) -> Node | None:
        node: Node | None = self.node
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def _check_image(self) -> None:
        limits = self._at("image", "range")
        if limits is None:
            return
        data = limits.data()
        numbers = isinstance(data, tuple) and len(data) == 2 and all(type(v) in (int, float) for v in data)
        if numbers and all(map(isfinite, data)) and not data[0] < data[1]:
            message = f"must rise from low to high (given: [{data[0]}, {data[1]}])"
            self.problems.append(Problem(limits.mark, "image.range", message))

    def _check_plugins(self) -> None:
        names = self._at("plugins")
        for index, item in enumerate(names.value if names and isinstance(names.value, list) else []):
            if not isinstance(item.value, str):
                continue
            status = next((p for p in self.plugins.plugins if p.name == item.value), None)
            if status is None:
                self.unknown_plugins = True
                self._problem(("plugins", index), f"no plugin called {item.value!r} was found", item)
            elif status.status != "loaded":
                self._problem(("plugins", index), f"plugin {status} is {status.status}. {status.error}".strip(), item)

    def _required(self, *path: str) -> Choice | None:
        node = self._at(*path)
        if node is None or node.value is None:
            above = self._at(*path[:-1])
            if above is not None and isinstance(above.value, dict):
                self._problem(path, f"is missing: name a component of kind {path[-1]}", self.node.own(path))
            return None
        return self.slots.choice(path[-1], node, path)

    def _optional(self, *path: str) -> Choice | None:
        node = self._at(*path)
        return None if node is None or node.value is None else self.slots.choice(path[-1], node, path)

    def _several(self, kind: str, *path: str) -> tuple[Choice, ...]:
        """A list of components of one kind; each may come once."""
        node = self._at(*path)
        items = node.value if node is not None and isinstance(node.value, list) else []
        chosen: list[Choice] = []
        for index, item in enumerate(items):
            choice = self.slots.choice(kind, item, (*path, index)) if isinstance(item.value, str | dict) else None
            if choice is not None and any(choice.component == other.component for other in chosen):
                self._problem((*path, index), f"names {kind} {choice.component.name!r} a second time", item)
            elif choice is not None:
                chosen.append(choice)
        return tuple(chosen)

    def _of_network(self, kind: str, role: str) -> Choice | None:
        """What training names for one network, over what it names for both."""
        common, own = self._at("training", kind), self._at("training", role, kind)
        if own is None or own.value is None:
            return (self._required if kind == "optimizer" else self._optional)("training", kind)
        if common is not None and common.value is not None:
            self.slots.choice(kind, common, ("training", kind))
        node = merged_slot(common, own) if common is not None else own
        return self.slots.choice(kind, node, ("training", role, kind))

    def _network(self, role: Role) -> NetworkPlan:
        network = self._at(role)
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
        # Every block may replace a default, so that a wrong one would go unseen if it were only checked in use.
        for key, node in network.items():
            if key in keys.SLOT_KEYS and key in known_keys(model.Recipe, (role,)) and node.value is not None:
                self.slots.choice(key, node, (role, key))

    def _block(self, network: Node, rule: keys.BlockRule, name: str, path: Path) -> Block | None:
        block = self._at(*path)
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
                # A slot of the parent that the recipe's own order forgets is the order's fault.
                place = own if own is self.node.own((*path, slot)) else self.node.locate((*path, "order"))
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
        own, default = self.node.own(path), network.child(str(path[-1]))
        emptied = default is not None and self._at(*path) is None
        self._problem(path, message, default if emptied else own)

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
        # Which slots a wrong order meant to leave out is unknown.
        return order if order and not wrong else rule.order

    def _slot(self, network: Node, block: Node, slot: str, path: Path, inherits: bool) -> Choice | None:
        own = block.child(slot)
        default = network.child(slot) if inherits else None
        if own is None or own.value is None:
            # Problems of a default are told once, where it stands.
            return self.slots.choice(slot, default, (*path, slot), tell=False) if default and default.value else None
        node = merged_slot(default, own) if default is not None and default.value is not None else own
        return self.slots.choice(slot, node, (*path, slot))


def _shared(one: Path, other: Path) -> int:
    """How many parts two paths begin with alike."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))
