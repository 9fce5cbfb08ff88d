"""The shipped data set: 4,000 images of Fashion-MNIST, (c) 2017 Zalando SE, MIT licence."""
