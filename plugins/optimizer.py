"""Optimizers: how gradients change the weights.

Gradient clipping and L2 regularization are keys of ``training`` and work with every optimizer. ``weight_decay`` does
not use gradients: each step first multiplies all weights by 1 - learning_rate · weight_decay.

The formulas are those of Keras. w are the weights, g is their gradient, η the learning rate, ε epsilon, and t the
number of the step, from 1. All other variables start at 0 unless a formula says otherwise. Optimizers add ε in
different places, and PyTorch uses other places than Keras. With an ε from another program, the first step can differ
by more than a factor of ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, component, hookimpl

if TYPE_CHECKING:
    import keras

LearningRate = Annotated[float, Field(gt=0.0, le=10.0, description="learning rate η")]
Beta1 = Annotated[float, Field(ge=0.0, lt=1.0, description="share of the mean gradient that a step keeps")]
Beta2 = Annotated[float, Field(ge=0.0, lt=1.0, description="share of the mean squared gradient that a step keeps")]
EpsilonUncorrected = Annotated[
    float,
    Field(gt=0.0, le=1.0, description="added to the root of the mean squared gradient, before bias correction"),
]
EpsilonCorrected = Annotated[
    float,
    Field(gt=0.0, le=1.0, description="added to the root of the mean squared gradient, after bias correction"),
]
EpsilonInside = Annotated[float, Field(gt=0.0, le=1.0, description="added to the squares before the root is taken")]
Momentum = Annotated[float, Field(ge=0.0, lt=1.0, description="share of the previous step that a step keeps")]
WeightDecay = Annotated[
    float,
    Field(ge=0.0, le=10.0, description="each step subtracts this share, times the learning rate, from each weight"),
]


@component("optimizer")
def adam(
    *,
    learning_rate: LearningRate = 2e-4,
    beta_1: Beta1 = 0.5,
    beta_2: Beta2 = 0.999,
    epsilon: EpsilonUncorrected = 1e-7,
) -> keras.optimizers.Optimizer:
    """Step against the mean gradient, divided by its root mean square.

    m ← beta_1 m + (1 - beta_1) g;  v ← beta_2 v + (1 - beta_2) g²
    w ← w - η √(1 - beta_2ᵗ) / (1 - beta_1ᵗ) · m / (√v + ε)

    This ε is the ε̂ at the end of the paper's section 2. The paper's algorithm 1 and PyTorch add ε to
    √(v / (1 - beta_2ᵗ)) instead. Their ε equals this one divided by √(1 - beta_2ᵗ): 32 times as large at the first
    step, and the same later.

    Kingma, Ba 2014, arXiv 1412.6980; 2e-4 and 0.5: Radford et al. 2015, arXiv 1511.06434, section 4
    """
    from keras import optimizers

    return optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@component("optimizer")
def adamw(
    *,
    learning_rate: LearningRate = 2e-4,
    beta_1: Beta1 = 0.5,
    beta_2: Beta2 = 0.999,
    epsilon: EpsilonUncorrected = 1e-7,
    weight_decay: WeightDecay = 0.004,
) -> keras.optimizers.Optimizer:
    """Step as Adam does, with decoupled weight decay.

    w ← (1 - η weight_decay) w, then ``adam``

    Loshchilov, Hutter 2017, arXiv 1711.05101; learning rate and betas as in ``adam``, weight_decay as in Keras
    """
    from keras import optimizers

    return optimizers.AdamW(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=weight_decay)


@component("optimizer")
def nadam(
    *,
    learning_rate: LearningRate = 2e-4,
    beta_1: Beta1 = 0.5,
    beta_2: Beta2 = 0.999,
    epsilon: EpsilonCorrected = 1e-7,
    weight_decay: WeightDecay = 0.0,
) -> keras.optimizers.Optimizer:
    """Step as Adam does, with Nesterov momentum.

    m ← beta_1 m + (1 - beta_1) g;  v ← beta_2 v + (1 - beta_2) g²;  μᵢ = beta_1 (1 - 0.96ⁱ / 2)
    m̂ = μₜ₊₁ m / (1 - μ₁ ⋯ μₜ₊₁) + (1 - μₜ) g / (1 - μ₁ ⋯ μₜ)
    w ← w - η m̂ / (√(v / (1 - beta_2ᵗ)) + ε)

    Dozat's formula differs: its μ has 0.96 to the power of i / 250, and its m uses μ instead of beta_1. PyTorch
    computes the formula above, but with the exponent 0.004 i unless momentum_decay is 1. Dozat and PyTorch add ε in
    the same place as here; ``adam`` does not.

    After Dozat 2016, openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ; learning rate and betas as in ``adam``
    """
    from keras import optimizers

    return optimizers.Nadam(
        learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=weight_decay or None
    )


@component("optimizer")
def rmsprop(
    *,
    learning_rate: LearningRate = 5e-5,
    rho: Annotated[
        float, Field(ge=0.0, lt=1.0, description="share of the mean squared gradient that a step keeps")
    ] = 0.9,
    momentum: Momentum = 0.0,
    centered: Annotated[
        bool, Field(description="divide by the standard deviation instead of the root mean square")
    ] = False,
    epsilon: EpsilonInside = 1e-7,
    weight_decay: WeightDecay = 0.0,
) -> keras.optimizers.Optimizer:
    """Step against the gradient, divided by its root mean square.

    v ← rho v + (1 - rho) g²;  a ← rho a + (1 - rho) g;  s = v, or v - a² with ``centered``
    u ← momentum u + η g / √(s + ε);  w ← w - u

    PyTorch adds ε to √s: its 1e-8 corresponds to 1e-16 here.

    Tieleman, Hinton 2012, Coursera, Neural Networks for Machine Learning, lecture 6.5; 5e-5: Arjovsky et al. 2017,
    arXiv 1701.07875, algorithm 1
    """
    from keras import optimizers

    return optimizers.RMSprop(
        learning_rate,
        rho=rho,
        momentum=momentum,
        centered=centered,
        epsilon=epsilon,
        weight_decay=weight_decay or None,
    )


@component("optimizer")
def sgd(
    *,
    learning_rate: LearningRate = 0.004,
    momentum: Momentum = 0.5,
    nesterov: Annotated[bool, Field(description="use Nesterov momentum, as in the formula")] = False,
    weight_decay: WeightDecay = 0.0,
) -> keras.optimizers.Optimizer:
    """Step against the gradient, with momentum.

    u ← momentum u - η g;  w ← w + u, or w + momentum u - η g with ``nesterov``

    Defaults: the convolutional CIFAR-10 network of the first GANs, github.com/goodfeli/adversarial, where momentum
    rises to 0.7 in 250 epochs
    """
    from keras import optimizers

    return optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay or None)


@component("optimizer")
def lion(
    *,
    learning_rate: LearningRate = 2e-5,
    beta_1: Annotated[float, Field(gt=0.0, lt=1.0, description="share of the mean gradient in the step")] = 0.9,
    beta_2: Annotated[float, Field(gt=0.0, lt=1.0, description="share of the mean gradient that a step keeps")] = 0.99,
    weight_decay: WeightDecay = 0.0,
) -> keras.optimizers.Optimizer:
    """Step against the sign of the mean gradient, equally far for every weight.

    w ← w - η sign(beta_1 m + (1 - beta_1) g);  m ← beta_2 m + (1 - beta_2) g

    Chen et al. 2023, arXiv 2302.06675, algorithm 2; it advises a learning rate 3 to 10 times smaller than Adam's
    """
    from keras import optimizers

    return optimizers.Lion(learning_rate, beta_1=beta_1, beta_2=beta_2, weight_decay=weight_decay or None)


@component("optimizer")
def adagrad(
    *,
    learning_rate: LearningRate = 0.001,
    initial_accumulator: Annotated[
        float, Field(ge=0.0, le=100.0, description="initial value of the sum of squared gradients")
    ] = 0.1,
    epsilon: EpsilonInside = 1e-7,
    weight_decay: WeightDecay = 0.0,
) -> keras.optimizers.Optimizer:
    """Step against the gradient, divided by the root of the sum of all its squares so far.

    v ← v + g², starting from initial_accumulator;  w ← w - η g / √(v + ε)

    PyTorch adds ε to √v.

    Duchi et al. 2011, jmlr.org/papers/v12/duchi11a.html; defaults: Keras'
    """
    from keras import optimizers

    return optimizers.Adagrad(
        learning_rate,
        initial_accumulator_value=initial_accumulator,
        epsilon=epsilon,
        weight_decay=weight_decay or None,
    )


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every optimizer."""
    return [adam, adamw, nadam, rmsprop, sgd, lion, adagrad]
