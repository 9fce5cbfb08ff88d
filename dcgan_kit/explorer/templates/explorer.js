// The explorer. All state is in this page; the server turns latent vectors into pictures.

const SAMPLES = 24, STEPS = 24, MILLISECONDS = 60, SETTLED = 300, REACH = 4;
const $ = id => document.getElementById(id);
const state = {
  facts: null, source: 0, version: '', label: 0,
  base: null,           // the latent vector before sliders and truncation
  directions: [],       // unit vectors
  amounts: [],          // how far the sliders moved it along each, in standard deviations
  samples: null,        // what the grid shows: latent vectors, their seed, and what drew them
  stops: [], playing: false, directionsOf: '',
};
const source = () => state.facts.sources[state.source];
const generator = () => `${state.source}|${state.version}`;
const number = (value, digits = 1) => value.toLocaleString('en', {minimumFractionDigits: digits, maximumFractionDigits: digits}).replace('-', '−');

function say(text, ill = false) {
  $('status').textContent = text;
  $('status').classList.toggle('ill', ill);
}

// ---- the server ----

async function ask(path, parameters = {}, body) {
  const address = `${path}?${new URLSearchParams(parameters)}`;
  let answer;
  try {
    answer = await fetch(address, body === undefined ? {} : {method: 'POST', ...body});
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Error('dcgan-kit does not answer. Was it stopped?');
  }
  if (answer.ok) return answer;
  const data = answer.status === 400 ? await answer.json() : null;
  throw new Error(data ? data.problem : `${answer.status}: ${(await answer.text()).trim() || answer.statusText}`);
}

function which(label = state.label, of = state) {
  const classes = state.facts.sources[of.source].classes.length;
  return {source: of.source, version: of.version, ...(classes ? {label} : {})};
}

const images = async (latent, parameters) => new Uint8ClampedArray(await (await ask('images', parameters, {body: latent})).arrayBuffer());

// At most one request of a kind is on its way; of those that come meanwhile, only the last one counts.
function latest(work) {
  let wanted = false, busy = false;
  return async () => {
    wanted = true;
    if (busy) return;
    busy = true;
    try {
      while (wanted) { wanted = false; await work(); }
    } catch (error) { say(error.message, true); } finally { busy = false; }
  };
}

// Of calls that overlap, only the last one counts: what others bring is dropped, and they end when the last one does.
// `work` asks the server, and returns a function that shows the answer.
function newest(work) {
  let last;
  return () => {
    const mine = (async () => {
      try {
        const show = await work();
        if (last === mine) show();
      } catch (error) { if (last === mine) throw error; }
      if (last !== mine) await last;
    })();
    return last = mine;
  };
}

function guarded(work) {
  return async event => { try { await work(event); } catch (error) { say(error.message, true); } };
}

async function save(kind, name, latent, parameters = {}) {
  const content = await (await ask('file', {kind, ...parameters}, {body: latent})).blob();
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(content), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`Saved as ${name}.`);
}

// ---- pictures ----

function paint(canvas, pixels, {width, height}, place = 0) {
  const size = width * height * 4;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  canvas.getContext('2d').putImageData(new ImageData(pixels.subarray(place * size, (place + 1) * size), width, height), 0, 0);
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function pictureButton(label, chosen) {
  const button = element('button', {type: 'button', ariaLabel: label, ariaPressed: 'false'}, document.createElement('canvas'));
  button.addEventListener('click', chosen);
  return button;
}

// Arrow keys go from picture to picture; Tab goes to the group once.
function roving(group) {
  group.addEventListener('keydown', event => {
    const buttons = [...group.children], at = buttons.indexOf(document.activeElement);
    const top = buttons[0].offsetTop, columns = Math.max(1, buttons.filter(each => each.offsetTop === top).length);
    const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: buttons.length - 1 - at}[event.key];
    const next = buttons[at + step];
    if (step === undefined || at < 0) return;
    event.preventDefault();
    if (next) { focusable(group, next); next.focus(); }
  });
}

function focusable(group, button) {
  for (const each of group.children) each.tabIndex = each === button ? 0 : -1;
}

function press(group, button) {
  for (const each of group.children) each.ariaPressed = String(each === button);
  if (button) focusable(group, button);
}

// ---- the latent vector ----

function moved() {
  const latent = state.base.slice();
  state.directions.forEach((direction, place) => {
    const far = state.amounts[place] * source().deviation;
    if (far) for (let i = 0; i < latent.length; i++) latent[i] += far * direction[i];
  });
  return latent;
}

const current = () => { const truncation = Number($('truncation').value); return moved().map(value => value * truncation); };

function slerp(start, end, way) {
  const length = vector => Math.hypot(...vector), lengths = [length(start), length(end)];
  const straight = () => start.map((value, i) => (1 - way) * value + way * end[i]);
  if (Math.min(...lengths) === 0) return straight();
  const cosine = start.reduce((sum, value, i) => sum + value * end[i], 0) / lengths[0] / lengths[1];
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine))), sine = Math.sin(angle);
  if (sine < 1e-6) return straight();
  const long = (1 - way) * lengths[0] + way * lengths[1];
  const parts = [Math.sin((1 - way) * angle) / sine * long / lengths[0], Math.sin(way * angle) / sine * long / lengths[1]];
  return start.map((value, i) => parts[0] * value + parts[1] * end[i]);
}

const draw = latest(async () => {
  const facts = source();
  paint($('picture'), await images(current(), which()), facts);
  $('picture').dispatchEvent(new Event('painted'));
});

const drawOthers = latest(async () => {
  for (const figure of [...$('others').children]) {
    const of = {source: Number(figure.dataset.source), version: figure.dataset.version}, facts = state.facts.sources[of.source];
    const note = facts.latent !== source().latent ? `takes latent vectors of ${facts.latent} numbers, not ${source().latent}`
      : facts.classes.length && state.label >= facts.classes.length ? `has no class ${state.label}` : '';
    figure.querySelector('.note').textContent = note;
    figure.querySelector('canvas').hidden = note !== '';
    if (!note) paint(figure.querySelector('canvas'), await images(current(), which(state.label, of)), facts);
  }
});

let settling;
function changed() {
  draw();
  drawOthers();
  clearTimeout(settling);
  settling = setTimeout(settle, SETTLED);
}

function settle() {
  if ($('neighbours-open').open) neighbours();
  if ($('stages-open').open) stages();
}

function setBase(latent, label = state.label) {
  state.base = Float32Array.from(latent);
  state.amounts = state.amounts.map(() => 0);
  state.label = label;
  $('class').value = String(label);
  showSliders();
  changed();
}

// ---- samples ----

// Another generator is used from when its samples are there: until then, all on the page belongs to the one before.
const drawSamples = newest(async () => {
  const [place, version] = $('generator').value.split('|'), of = {source: Number(place), version};
  const facts = state.facts.sources[of.source], seed = Number($('seed').value), turn = facts.classes.length && $('turn').checked;
  const drawn = which(turn ? 'turn' : fits(facts) ? state.label : 0, of);
  const latent = new Float32Array(await (await ask('latents', {source: of.source, seed, count: SAMPLES})).arrayBuffer());
  const pixels = await images(latent, drawn);
  return () => {
    state.samples = {latent, seed, drawn};
    $('grid').replaceChildren(...Array.from({length: SAMPLES}, (_, place) => {
      const button = pictureButton(`Sample ${place + 1} of ${SAMPLES}`, () => choose(place));
      paint(button.firstChild, pixels, facts, place);
      return button;
    }));
    focusable($('grid'), $('grid').firstChild);
    if (generator() !== $('generator').value) useGenerator(of);
  };
});

const sampleLatent = place => state.samples.latent.slice(place * source().latent, (place + 1) * source().latent);

function choose(place) {
  const {seed, drawn} = state.samples;
  pause();
  press($('grid'), $('grid').children[place]);
  setBase(sampleLatent(place), drawn.label === 'turn' ? place % source().classes.length : drawn.label);
  say(`Sample ${place + 1} from seed ${seed}.`);
}

// ---- directions ----

const loadDirections = newest(async () => {
  const of = generator();
  if (state.directionsOf === of) return () => {};
  if (!state.directions.length) $('sliders').replaceChildren(element('p', {className: 'lead'}, 'Searching for directions…'));
  let found = {vectors: [], shares: []}, problem = '';
  try { found = await (await ask('directions', which())).json(); } catch (error) { problem = error.message; }
  return () => { if (generator() === of) useDirections(of, found, problem); };
});

function useDirections(of, found, problem) {
  const before = moved();  // What other directions did stays.
  Object.assign(state, {base: before, directions: found.vectors, amounts: found.vectors.map(() => 0), directionsOf: problem ? '' : of});
  $('sliders').replaceChildren(...found.shares.map((share, place) => {
    const id = `direction-${place}`;
    const slider = element('input', {id, type: 'range', min: -REACH, max: REACH, step: 0.05, value: 0});
    slider.addEventListener('input', () => {
      pause();
      state.amounts[place] = Number(slider.value);
      showAmount(place);
      showCoordinate();
      changed();
    });
    const label = element('label', {htmlFor: id}, `Direction ${place + 1}, ${Math.round(100 * share)} % of the change`);
    return element('p', {className: 'field'}, label, element('output', {id: `${id}-value`}), slider);
  }));
  if (problem) $('sliders').append(element('p', {className: 'missing'}, `There are no directions: ${problem}`));
  showSliders();
}

function showAmount(place) {
  const amount = state.amounts[place], slider = $(`direction-${place}`);
  slider.value = amount;
  slider.setAttribute('aria-valuetext', `${number(amount, 2)} standard deviations`);
  $(`direction-${place}-value`).textContent = `${amount > 0 ? '+' : ''}${number(amount, 2)} σ`;
}

function showSliders() {
  state.amounts.forEach((_, place) => showAmount(place));
  showCoordinate();
}

const coordinate = () => Math.min(Math.max(Math.round(Number($('coordinate').value)) || 1, 1), source().latent) - 1;

function showCoordinate() {
  const value = moved()[coordinate()];
  $('value').value = value;
  $('value-text').textContent = number(value, 2);
}

function moveCoordinate() {
  pause();
  state.base[coordinate()] += Number($('value').value) - moved()[coordinate()];
  $('value-text').textContent = number(Number($('value').value), 2);
  changed();
}

// ---- walk ----

const showStops = newest(async () => {
  const facts = source();
  const shown = await Promise.all(state.stops.map(latent => images(Float32Array.from(latent), which())));
  return () => {
    $('stops').replaceChildren(...shown.map((pixels, place) => {
      const button = pictureButton(`Stop ${place + 1} of ${shown.length}`, () => { pause(); goTo(place); });
      paint(button.firstChild, pixels, facts);
      return button;
    }));
    if (shown.length) focusable($('stops'), $('stops').firstChild);
    $('position').max = shown.length;
    for (const id of ['position', 'play', 'save-walk']) $(id).disabled = shown.length < 2;
    $('remove').disabled = shown.length === 0;
    $('add').disabled = shown.length >= 16;
    showPosition();
  };
});

function showPosition() {
  const at = Number($('position').value), count = state.stops.length;
  const first = Math.floor(at) % Math.max(count, 1) + 1, text = count < 2 ? 'two stops are needed'
    : `${Math.round(100 * (at % 1))} % from stop ${first} to ${first % count + 1}`;
  $('position-text').textContent = text;
  $('position').setAttribute('aria-valuetext', text);
}

function goTo(position) {
  const count = state.stops.length, first = Math.floor(position) % count;
  if (!count) return;
  $('position').value = position;
  setBase(slerp(state.stops[first], state.stops[(first + 1) % count], position % 1));
  press($('grid'), null);
  showPosition();
}

function pause() {
  state.playing = false;
  $('play').ariaPressed = 'false';
  $('play').textContent = 'Play';
}

function play() {
  if (state.playing) { pause(); return; }
  state.playing = true;
  $('play').ariaPressed = 'true';
  $('play').textContent = 'Pause';
  let before = performance.now();
  const frame = now => {
    if (!state.playing) return;
    const further = Number($('position').value) + (now - before) / (STEPS * MILLISECONDS);
    // The slider has steps; so little time waits for the next frame.
    if (now - before >= MILLISECONDS / 2) { before = now; goTo(further % state.stops.length); }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

// ---- neighbours and stages ----

const neighbours = latest(async () => {
  $('neighbours-lead').textContent = $('neighbours').children.length ? $('neighbours-lead').textContent : 'Searching…';
  let found;
  try {
    found = await (await ask('neighbours', which(), {body: current()})).json();
  } catch (error) {
    $('neighbours').replaceChildren();
    $('neighbours-lead').textContent = `The training images cannot be shown: ${error.message}`;
    return;
  }
  const usual = found.usual === null ? '' : ` A held-out image is ${number(found.usual)} from its nearest one, in the median; a picture that is much nearer may be a copy.`;
  $('neighbours-lead').textContent = `Nearest of ${found.compared}, pixel by pixel: root mean squared difference in grey levels, 0 to 255.${usual}`;
  $('neighbours').replaceChildren(...found.neighbours.map((near, place) => {
    const caption = element('figcaption', {}, `${number(near.distance)}${near.name && `, ${near.name}`}`);
    return element('figure', {}, element('img', {src: near.png, alt: `Training image ${place + 1}`}), caption);
  }));
});

function stageBlock(stage) {
  const text = element('div', {className: 'text'}), range = stage.range?.map(value => number(value, 2));
  if (!range) text.append(element('p', {className: 'missing'}, 'Some of its values are NaN or infinite.'));
  else if (stage.maps) text.append(element('p', {}, `${stage.shown} of ${stage.channels} ${stage.channels === 1 ? 'map' : 'maps'}; black is ${range[0]}, white is ${range[1]}.`));
  else if (stage.channels > 1) text.append(element('p', {}, `Values from ${range[0]} to ${range[1]}.`));
  else text.append(element('p', {}, `The value ${range[0]}.`));
  for (const each of stage.activations) {
    if (each.flat === null) { text.append(element('p', {className: 'missing'}, `${each.name}: some of its inputs or gradients are NaN or infinite.`)); continue; }
    const inner = document.createElement('span');
    inner.style.width = `${100 * each.flat}%`;
    const silent = each.silent ? ` ${each.silent} of ${each.channels} channels have none anywhere in it.` : '';
    text.append(element('p', {}, `${each.name}: ${Math.round(100 * each.flat)} % of the units have almost no gradient for this picture.${silent}`),
      element('span', {className: 'bar', ariaHidden: 'true'}, inner));
  }
  const heading = element('h4', {}, `${stage.name} `, element('span', {}, stage.shape));
  const maps = stage.maps ? [element('img', {src: stage.maps, alt: `Maps of ${stage.name}`})] : [];
  return element('div', {className: 'stage'}, heading, ...maps, text);
}

const stages = latest(async () => {
  const found = await (await ask('stages', which(), {body: current()})).json(), parts = [element('h3', {}, 'Generator'), ...found.generator.map(stageBlock)];
  parts.push(element('h3', {}, 'Discriminator'));
  if (found.missing) parts.push(element('p', {className: 'missing'}, found.missing));
  else if (found.logit === null) parts.push(element('p', {className: 'missing'}, 'Its logit for this picture is NaN or infinite.'));
  else parts.push(element('p', {}, `Its logit for this picture is ${number(found.logit, 2)}. With most losses, a logit above 0 says that a picture is real.`));
  $('stages').replaceChildren(...parts, ...found.discriminator.map(stageBlock));
});

// ---- inversion ----

let stopping = null;
async function invert(event) {
  event.preventDefault();
  const file = $('file').files[0], of = generator(), {classes} = source();
  stopping = new AbortController();
  $('search').disabled = true;
  $('stop').disabled = false;
  say('Searching for the latent vector…');
  let last = null, first = null, end = 'The search is done; the picture is now the one that was found.';
  try {
    const label = classes.length && $('all').checked ? 'turn' : state.label;
    const answer = await ask('invert', {...which(label), steps: $('steps').value}, {body: file, signal: stopping.signal});
    for await (const found of lines(answer.body)) {
      first ??= found;
      last = found;
      showFound(first, found, classes);
    }
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
    end = last ? 'Stopped; the picture is now the best one so far.' : 'Stopped.';
  } finally {
    $('search').disabled = false;
    $('stop').disabled = true;
  }
  if (generator() !== of) { say('The search was stopped, because another generator was chosen.'); return; }
  say(end);
  if (last) { pause(); press($('grid'), null); $('truncation').value = 1; showTruncation(); setBase(last.latent, last.label ?? state.label); }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const parts = (rest + part.value).split('\n');
    rest = parts.pop();
    for (const line of parts) yield JSON.parse(line);
  }
}

function showFound(first, found, classes) {
  $('found').hidden = false;
  Object.assign($('progress'), {max: first.steps, value: found.step});
  $('target').src = first.target;
  $('reconstruction').src = found.png;
  const label = found.label === null ? '' : ` Class: ${classes[found.label]}.`;
  $('errors').textContent = `Error ${number(found.error)} grey levels. The nearest of 1,000 random samples is ${number(first.nearest)} away, a usual one ${number(first.usual)}.${label}`;
}

// ---- the choice of a generator ----

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => element('option', {value}, text)));
}

function listGenerators() {
  const groups = state.facts.sources.map((each, place) => {
    const group = element('optgroup', {label: each.name});
    options(group, each.versions.map(version => [`${place}|${version.key}`, version.text]));
    return group;
  });
  $('generator').replaceChildren(...groups);
  const all = state.facts.sources.flatMap((each, place) => each.versions.map(version => ({place, each, version})));
  $('beside').hidden = all.length < 2;
  $('versions').replaceChildren(...all.map(({place, each, version}, index) => {
    const text = state.facts.sources.length > 1 ? `${each.name}, ${version.text}` : version.text;
    const box = element('input', {type: 'checkbox', id: `beside-${index}`});
    box.addEventListener('change', () => showBeside(box.checked, index, place, version.key, text));
    return element('p', {className: 'check'}, box, element('label', {htmlFor: box.id}, text));
  }));
}

function showBeside(shown, index, place, version, text) {
  $(`other-${index}`)?.remove();
  if (!shown) return;
  const {width, height} = state.facts.sources[place];
  const canvas = element('canvas', {role: 'img', ariaLabel: `The picture of ${text}`, width, height});
  const figure = element('figure', {id: `other-${index}`}, canvas, element('figcaption', {}, `${text} `, element('span', {className: 'note'})));
  Object.assign(figure.dataset, {source: place, version});
  $('others').append(figure);
  drawOthers();
}

// Whether latent vectors and classes of the current generator do for a source.
const fits = facts => state.base !== null && source().latent === facts.latent && source().classes.length === facts.classes.length;

function useGenerator(of) {
  const facts = state.facts.sources[of.source], other = !fits(facts);
  stopping?.abort();
  Object.assign(state, of);
  document.title = `${facts.name}: explore a generator`;
  $('title').textContent = facts.name;
  $('about').textContent = `${facts.recipe}: ${facts.latentText} → ${facts.width} × ${facts.height} pixels`;
  $('notes').textContent = facts.notes.join(' ');
  $('notes').hidden = !facts.notes.length;
  for (const id of ['class-field', 'turn-field', 'all-field']) $(id).hidden = !facts.classes.length;
  if (!other) { changed(); return; }
  Object.assign(state, {label: 0, directions: [], amounts: [], directionsOf: ''});
  options($('class'), facts.classes.map((name, label) => [label, name]));
  $('coordinate').max = facts.latent;
  $('sliders').replaceChildren();
  state.stops = [0, 1, 2].map(sampleLatent);
  choose(0);
}

async function chooseGenerator() {
  try {
    await drawSamples();
  } catch (error) {
    if (state.base) $('generator').value = generator();
    throw error;
  }
  await showStops();
  if ($('drawing-open').open) drawNetworks();
  await loadDirections();
}

function drawNetworks() { $('drawing').src = `networks.svg?source=${state.source}`; }

function showTruncation() { $('truncation-value').textContent = number(Number($('truncation').value), 2); }

async function start() {
  history.replaceState(null, '', '/');  // The token is in a cookie now, and need not be in the history.
  state.facts = await (await ask('facts')).json();
  $('steps').value = state.facts.steps;
  listGenerators();
  for (const id of ['grid', 'stops']) roving($(id));
  const on = (id, event, work) => $(id).addEventListener(event, guarded(work));
  on('generator', 'change', chooseGenerator);
  on('class', 'change', async () => { state.label = Number($('class').value); changed(); await Promise.all([$('turn').checked || drawSamples(), showStops()]); });
  on('truncation', 'input', () => { pause(); showTruncation(); changed(); });
  on('seed', 'change', drawSamples);
  on('turn', 'change', drawSamples);
  on('reseed', 'click', async () => { $('seed').value = Math.floor(Math.random() * 2 ** 31); await drawSamples(); say(`Samples from seed ${state.samples.seed}.`); });
  on('random', 'click', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31), of = generator();
    const latent = new Float32Array(await (await ask('latents', {source: state.source, seed, count: 1})).arrayBuffer());
    if (generator() !== of) return;
    pause();
    press($('grid'), null);
    setBase(latent);
    say(`The first sample from seed ${seed}.`);
  });
  on('coordinate', 'input', showCoordinate);
  on('value', 'input', moveCoordinate);
  on('reset', 'click', () => { setBase(state.base); say('All directions are at 0.'); });
  on('position', 'input', () => { pause(); goTo(Number($('position').value)); });
  on('play', 'click', play);
  on('add', 'click', async () => { state.stops.push(current()); await showStops(); say(`Stop ${state.stops.length} added.`); });
  on('remove', 'click', async () => { pause(); state.stops.pop(); $('position').value = 0; await showStops(); say(`${state.stops.length} stops are left.`); });
  on('save', 'click', () => save('picture', 'picture.png', current(), which()));
  on('save-grid', 'click', () => save('grid', `samples-${state.samples.seed}.png`, state.samples.latent, {...state.samples.drawn, columns: 8}));
  on('save-walk', 'click', () => save('walk', 'walk.gif', Float32Array.from(state.stops.flatMap(stop => [...stop])), {...which(), steps: STEPS}));
  on('neighbours-open', 'toggle', () => $('neighbours-open').open && neighbours());
  on('stages-open', 'toggle', () => $('stages-open').open && stages());
  on('drawing-open', 'toggle', () => $('drawing-open').open && drawNetworks());
  on('inversion', 'submit', invert);
  on('stop', 'click', () => stopping?.abort());
  await chooseGenerator();
  document.body.dataset.ready = 'yes';
}

guarded(start)();
