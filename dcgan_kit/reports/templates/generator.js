"use strict";
// Samples from the generator in the page. Programs may call document.getElementById("generator").sample(latent, classes).
(() => {
  const root = document.getElementById("generator"), settings = JSON.parse(root.dataset.settings);
  const find = name => document.getElementById("generator-" + name), state = find("state");
  const canvas = root.querySelector("canvas"), coordinates = [...root.querySelectorAll(".coordinate")];
  const [height, width, channels] = settings.shape, [low, high] = settings.range;
  let runtime, session, vectors, latent;

  async function unpacked(name) {
    const text = document.getElementById(name).textContent, coded = atob(text), bytes = new Uint8Array(coded.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = coded.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }
  async function start() {
    const address = URL.createObjectURL(new Blob([await unpacked("runtime-module")], { type: "text/javascript" }));
    runtime = await import(address);
    URL.revokeObjectURL(address);
    // A page from a file may not share memory between threads.
    Object.assign(runtime.env.wasm, { numThreads: 1, proxy: false, wasmBinary: await unpacked("runtime-binary") });
    session = await runtime.InferenceSession.create(await unpacked("generator-model"), { executionProviders: ["wasm"] });
    vectors = new Float32Array(await unpacked("generator-latent"));
  }
  // latent: numbers, one or more vectors; classes: one-hot numbers for each, if there are classes. Returns all pixels.
  root.sample = async (latent, classes) => {
    const count = latent.length / settings.size, fed = {};
    fed.latent = new runtime.Tensor("float32", Float32Array.from(latent), [count, settings.size]);
    if (settings.classes) {
      fed.classes = new runtime.Tensor("float32", Float32Array.from(classes), [count, settings.classes]);
    }
    return (await session.run(fed)).image.data;
  };
  function draw(values) {
    const pixels = new ImageData(width, height);
    const grey = value => Math.round((value - low) / (high - low) * 255);
    for (let i = 0; i < width * height; i++) {
      const own = Array.from(values.subarray(i * channels, (i + 1) * channels), grey);
      const colour = channels < 3 ? [own[0], own[0], own[0], own[1]] : own;
      pixels.data.set([colour[0], colour[1], colour[2], colour[3] ?? 255], i * 4);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }
  let drawing = false, waiting = false;
  async function paint() {
    // While one sample is computed, only the newest wish waits.
    if (drawing) { waiting = true; return; }
    drawing = true;
    try {
      do {
        waiting = false;
        const share = Number(find("truncation").value), classes = new Array(settings.classes).fill(0);
        if (settings.classes) classes[Number(find("class").value)] = 1;
        const before = performance.now();
        const values = await root.sample(latent.map(value => value * share), classes);
        state.textContent = "computed in " + (performance.now() - before).toFixed(1) + " ms";
        draw(values);
      } while (waiting);
    } finally {
      drawing = false;
    }
  }
  async function choose() {
    const number = Math.min(Math.max(Math.round(Number(find("vector").value)) || 0, 0), settings.count - 1);
    latent = vectors.slice(number * settings.size, (number + 1) * settings.size);
    coordinates.forEach((slider, index) => { slider.value = latent[index]; });
    await paint();
  }
  function told(work) {
    work.catch(error => { state.textContent = "This browser cannot compute the sample: " + error; });
  }
  find("start").addEventListener("click", async () => {
    find("start").disabled = true;
    state.textContent = "starting …";
    try {
      await start();
      root.querySelector(".player").hidden = false;
      await choose();
      find("start").hidden = true;
      find("next").focus();
    } catch (error) {
      state.textContent = "This browser cannot start the generator: " + error;
      find("start").disabled = false;
    }
  });
  find("vector").addEventListener("input", () => told(choose()));
  find("next").addEventListener("click", () => {
    find("vector").value = Math.floor(Math.random() * settings.count);
    told(choose());
  });
  for (const name of ["truncation", "class"]) find(name)?.addEventListener("input", () => told(paint()));
  coordinates.forEach((slider, index) => slider.addEventListener("input", () => {
    latent[index] = Number(slider.value);
    told(paint());
  }));
})();
