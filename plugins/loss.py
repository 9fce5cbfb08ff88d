"""Adversarial losses of logits.  (B, 1), (B, 1) → scalar float32.

D(x) is the logit of a real image x, D(G(z)) that of a generated image. A large logit means that the image looks real.
mean is over the batch. With Wasserstein losses, papers call the discriminator D a critic.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import AdversarialLoss, Component, RandomStream, component, hookimpl

LabelSmoothing = Annotated[
    float, Field(ge=0.0, lt=1.0, description="how far D's label of real images moves towards that of generated ones")
]
LabelFlipping = Annotated[
    float, Field(ge=0.0, le=0.5, description="probability, for each image, that D gets the wrong label")
]
LabelNoise = Annotated[
    float, Field(ge=0.0, le=1.0, description="subtract uniform noise between 0 and this from each of D's labels")
]
RelativisticBase = Annotated[
    Literal["logistic", "hinge", "least_squares"], Field(description="the function f of the formula")
]
Label = Annotated[float, Field(ge=-100.0, le=100.0)]


@component("loss")
def non_saturating(
    *, label_smoothing: LabelSmoothing = 0.0, label_flipping: LabelFlipping = 0.0, label_noise: LabelNoise = 0.0
) -> AdversarialLoss:
    """Minimize binary cross-entropy, with flipped labels for the generator.  (B, 1), (B, 1) → scalar.

    L_D = mean(softplus(-D(x))) + mean(softplus(D(G(z))))
    L_G = mean(softplus(-D(G(z))))

    L_G has its largest gradient where D is certain that an image is generated. There ``minimax`` has its smallest.

    With label options, D's terms become softplus(D) - t · D, where t is the label of an image. t starts as
    1 - label_smoothing for real images and 0 for generated ones. label_flipping exchanges these two values for random
    images. Then t decreases by label_noise · u, with u ~ U(0, 1).

    Some programs use the opposite labels (generated 1, real 0) and negate D's logit. They *add* this noise. The result
    is the same, since the cross-entropy of label y for -D equals that of 1 - y for D. The label of a generated image
    can be negative. Then its term has no lower bound: for a very negative logit, it falls by label_noise · u per unit.

    Goodfellow et al. 2014, arXiv 1406.2661, section 3; smoothing: Salimans et al. 2016, arXiv 1606.03498, section 3.4;
    flipping: github.com/soumith/ganhacks; noise: keras.io/examples/generative/dcgan_overriding_train_step, where the
    loss is the mean over real and generated images, half of L_D
    """
    labels = _Labels(label_smoothing, label_flipping, label_noise)

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return _mean_softplus(-fake_logits)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return _cross_entropy(labels, real_logits, fake_logits, random)

    return AdversarialLoss(generator, discriminator)


@component("loss")
def minimax(
    *, label_smoothing: LabelSmoothing = 0.0, label_flipping: LabelFlipping = 0.0, label_noise: LabelNoise = 0.0
) -> AdversarialLoss:
    """Let the generator maximize what the discriminator minimizes.  (B, 1), (B, 1) → scalar.

    L_D = mean(softplus(-D(x))) + mean(softplus(D(G(z))))
    L_G = -mean(softplus(D(G(z)))) = mean(log(1 - sigmoid(D(G(z)))))

    It saturates: L_G's gradient vanishes where D is certain that an image is generated. Label options are those of
    ``non_saturating`` and affect only D.

    Goodfellow et al. 2014, arXiv 1406.2661, equation 1
    """
    labels = _Labels(label_smoothing, label_flipping, label_noise)

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return -_mean_softplus(fake_logits)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return _cross_entropy(labels, real_logits, fake_logits, random)

    return AdversarialLoss(generator, discriminator)


@component("loss")
def least_squares(
    *,
    fake_label: Annotated[Label, Field(description="a: D's target logit for generated images")] = 0.0,
    real_label: Annotated[Label, Field(description="b: D's target logit for real images")] = 1.0,
    generator_label: Annotated[Label, Field(description="c: G's target for D's logit of generated images")] = 1.0,
    label_smoothing: LabelSmoothing = 0.0,
    label_flipping: LabelFlipping = 0.0,
    label_noise: LabelNoise = 0.0,
) -> AdversarialLoss:
    """Minimize squared distances between logits and labels (LSGAN).  (B, 1), (B, 1) → scalar.

    L_D = mean((D(x) - b)²) / 2 + mean((D(G(z)) - a)²) / 2
    L_G = mean((D(G(z)) - c)²) / 2

    With label options, a + (b - a) t replaces a and b, where t are the labels of ``non_saturating``.

    Raises:
        ValueError: fake_label equals real_label.

    Mao et al. 2016, arXiv 1611.04076, equation 2; its other choice of (a, b, c) is (-1, 1, 0)
    """
    import tensorflow as tf

    if fake_label == real_label:
        raise ValueError(f"fake_label and real_label must differ. Received: {fake_label} for both")
    labels = _Labels(label_smoothing, label_flipping, label_noise)

    def half_square(distances: Any) -> Any:
        return 0.5 * tf.reduce_mean(tf.square(distances))

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return half_square(fake_logits - generator_label)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        if labels.plain:
            return half_square(real_logits - real_label) + half_square(fake_logits - fake_label)
        real, fake = labels.draw(real_logits.shape, fake_logits.shape, random)
        span = real_label - fake_label
        return half_square(real_logits - (fake_label + span * real)) + half_square(
            fake_logits - (fake_label + span * fake)
        )

    return AdversarialLoss(generator, discriminator)


@component("loss")
def wasserstein() -> AdversarialLoss:
    """Push the logits of real and generated images apart (WGAN).  (B, 1), (B, 1) → scalar.

    L_D = mean(D(G(z))) - mean(D(x))
    L_G = -mean(D(G(z)))

    D needs a Lipschitz bound, or its logits grow without limit. Use the penalty ``gradient_penalty``, a constraint or
    ``training.discriminator.weight_clip``.

    Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1
    """
    import tensorflow as tf

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return -tf.reduce_mean(fake_logits)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)

    return AdversarialLoss(generator, discriminator)


@component("loss")
def hinge() -> AdversarialLoss:
    """Push the logits of real and generated images apart; D stops at ±1.  (B, 1), (B, 1) → scalar.

    L_D = mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z))))
    L_G = -mean(D(G(z)))

    Lim, Ye 2017, arXiv 1705.02894; with spectral normalization: Miyato et al. 2018, arXiv 1802.05957, section 4
    """
    import tensorflow as tf

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return -tf.reduce_mean(fake_logits)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return _mean_hinge(real_logits) + _mean_hinge(-fake_logits)

    return AdversarialLoss(generator, discriminator)


@component("loss")
def relativistic_average(*, base: RelativisticBase = "logistic") -> AdversarialLoss:
    """Compare the logit of each image with the mean logit of the other kind.  (B, 1), (B, 1) → scalar.

    r = D(x) - mean(D(G(z))),  g = D(G(z)) - mean(D(x))
    L_D = mean(f(r)) + mean(f(-g))
    L_G = mean(f(g)) + mean(f(-r))
    f(d) = softplus(-d) for logistic, max(0, 1 - d) for hinge, (d - 1)² for least_squares

    Jolicoeur-Martineau 2018, arXiv 1807.00734, section 4
    """
    import tensorflow as tf

    measure = _RELATIVISTIC[base]

    def relative(real_logits: Any, fake_logits: Any) -> tuple[Any, Any]:
        return real_logits - tf.reduce_mean(fake_logits), fake_logits - tf.reduce_mean(real_logits)

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        real, fake = relative(real_logits, fake_logits)
        return measure(fake) + measure(-real)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        real, fake = relative(real_logits, fake_logits)
        return measure(real) + measure(-fake)

    return AdversarialLoss(generator, discriminator)


@component("loss")
def relativistic_paired(*, base: RelativisticBase = "logistic") -> AdversarialLoss:
    """Compare the logit of each real image with that of one generated image.  (B, 1), (B, 1) → scalar.

    L_D = mean(f(D(xᵢ) - D(G(zᵢ))))
    L_G = mean(f(D(G(zᵢ)) - D(xᵢ)))

    Image i of the real batch and image i of the generated batch are a pair. f is that of ``relativistic_average``.

    Jolicoeur-Martineau 2018, arXiv 1807.00734, section 4; with ``r1`` on real and ``r2`` on generated images: Huang et
    al. 2025, arXiv 2501.05441
    """
    measure = _RELATIVISTIC[base]

    def generator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return measure(fake_logits - real_logits)

    def discriminator(real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
        return measure(real_logits - fake_logits)

    return AdversarialLoss(generator, discriminator)


class _Labels:
    """D's labels, 1 for real and 0 for generated images, changed as the options say."""

    def __init__(self, smoothing: float, flipping: float, amplitude: float) -> None:
        self._smoothing, self._flipping, self._amplitude = smoothing, flipping, amplitude
        self.plain = not (smoothing or flipping or amplitude)

    def draw(self, real_shape: Any, fake_shape: Any, random: RandomStream) -> tuple[Any, Any]:
        """Return labels of real and of generated images. An option of 0 draws no random numbers."""
        smoothed = 1.0 - self._smoothing
        return self._disturbed(smoothed, 0.0, real_shape, random), self._disturbed(0.0, smoothed, fake_shape, random)

    def _disturbed(self, label: float, other: float, shape: Any, random: RandomStream) -> Any:
        import tensorflow as tf

        size = tuple(shape)
        labels = tf.fill(size, tf.constant(label, tf.float32))
        if self._flipping:
            labels = tf.where(random.uniform(size) < self._flipping, tf.constant(other, tf.float32), labels)
        return labels - self._amplitude * random.uniform(size) if self._amplitude else labels


def _cross_entropy(labels: _Labels, real_logits: Any, fake_logits: Any, random: RandomStream) -> Any:
    import tensorflow as tf

    if labels.plain:
        return _mean_softplus(-real_logits) + _mean_softplus(fake_logits)
    real, fake = labels.draw(real_logits.shape, fake_logits.shape, random)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    return tf.reduce_mean(entropy(real, real_logits)) + tf.reduce_mean(entropy(fake, fake_logits))


def _mean_softplus(logits: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.math.softplus(logits))


def _mean_hinge(logits: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.relu(1.0 - logits))


def _mean_logistic(distances: Any) -> Any:
    return _mean_softplus(-distances)


def _mean_square_to_one(distances: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.square(distances - 1.0))


_RELATIVISTIC = {"logistic": _mean_logistic, "hinge": _mean_hinge, "least_squares": _mean_square_to_one}
"""The mean of f over the batch, by the name of f."""


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every loss."""
    return [non_saturating, minimax, least_squares, wasserstein, hinge, relativistic_average, relativistic_paired]
