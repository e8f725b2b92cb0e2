/* Put into the head of a copy of a page by browser.sh: does with it what a reader would do, and writes what came of it into <pre id="driven">. */
(function () {
  'use strict';
  const faults = [];
  addEventListener('error', (event) => faults.push('error: ' + event.message));

  function check(what, holds) {
    if (!holds)
      faults.push(what);
  }

  function at(element, type, x, y, more) {
    const box = element.getBoundingClientRect();
    const Kind = type === 'wheel' ? WheelEvent : type.startsWith('pointer') ? PointerEvent : MouseEvent;
    element.dispatchEvent(new Kind(type, Object.assign({
      bubbles: true, cancelable: true, clientX: box.left + box.width * x, clientY: box.top + box.height * y
    }, more)));
  }

  /* A browser that runs by virtual time and shows nothing paints no frames: frames come by the clock here, and whatever is
   * watched for coming into sight does so at once. */
  window.requestAnimationFrame = (action) => setTimeout(action, 10);
  window.IntersectionObserver = class {
    constructor(action) {
      this.action = action;
    }

    observe(target) {
      setTimeout(() => this.action([{ isIntersecting: true, target: target }]), 10);
    }
  };

  function frame() {
    return new Promise((resolve) => setTimeout(resolve, 50));
  }

  function labels(figure) {
    return Array.from(figure.querySelectorAll('text.x'), (text) => text.textContent).join(' ');
  }

  async function drive(figure) {
    const svg = figure.querySelector('svg.chart'), tip = document.getElementById('tip');
    figure.scrollIntoView();
    await frame();
    await frame();
    check('not drawn when it came into sight', figure.classList.contains('drawn'));
    const home = labels(figure);
    check('no labels below', home !== '');
    check('nothing drawn', figure.querySelector('path.ack').getAttribute('d').length > 4);
    check('a coordinate is no number', !/NaN|Infinity|undefined/.test(svg.innerHTML));
    /* over it from left to right: some packet is there */
    let told = '';
    for (let x = 0.05; x < 1 && told === ''; x += 0.01)
      for (let y = 0.1; y < 0.6 && told === ''; y += 0.05) {
        at(svg, 'pointermove', x, y);
        told = tip.hidden ? '' : tip.textContent;
      }
    check('no packet under the pointer', /frame \d+ at [A-H], /.test(told));
    check('a packet without its numbers', /seq [\d,]+|not of this connection/.test(told));
    at(svg, 'pointerleave', 0.5, 0.5);
    check('what was told stays', tip.hidden);
    for (let i = 0; i < 8; i++) /* a wheel that has just moved the page goes on doing that */
      await frame();
    at(svg, 'wheel', 0.5, 0.5, { deltaY: -600 });
    await frame();
    check('the wheel does not zoom', labels(figure) !== home);
    at(svg, 'dblclick', 0.5, 0.5);
    await frame();
    check('a double click does not reset', labels(figure) === home);
    at(svg, 'pointerdown', 0.4, 0.3, { button: 0 });
    at(svg, 'pointermove', 0.6, 0.3, { button: 0, buttons: 1 });
    at(svg, 'pointerup', 0.6, 0.3, { button: 0 });
    await frame();
    check('dragging does not zoom', labels(figure) !== home);
    for (const key of ['0', '+', 'ArrowLeft', 'ArrowRight', '-', 'Escape'])
      figure.dispatchEvent(new KeyboardEvent('keydown', { key: key, bubbles: true, cancelable: true }));
    await frame();
    check('keys do not lead back', labels(figure) === home);
    for (const button of figure.querySelectorAll('.buttons button'))
      button.click();
    await frame();
    check('a coordinate is no number after the buttons', !/NaN|Infinity|undefined/.test(svg.innerHTML));
  }

  async function evidence() {
    const link = document.querySelector('.evidence a.number');
    if (!link)
      return;
    link.click();
    await frame();
    const mark = document.getElementById(link.getAttribute('href').slice(1));
    check('the evidence is not marked', mark !== null && mark.classList.contains('lit'));
  }

  async function all() {
    await frame();
    const figures = document.querySelectorAll('figure.plot');
    for (const figure of Array.from(figures).slice(0, 3))
      await drive(figure);
    await evidence();
    const before = document.documentElement.dataset.theme;
    document.querySelector('#tools button').click();
    check('light and dark are the same', document.documentElement.dataset.theme !== before);
    check('wider than the window', document.documentElement.scrollWidth <= innerWidth);
    const pre = document.createElement('pre');
    pre.id = 'driven';
    pre.textContent = 'driven ' + figures.length + ' figures: ' + (faults.length ? faults.join('; ') : 'all is well') + '.';
    document.body.append(pre);
  }

  addEventListener('load', function () {
    all().catch(function (error) {
      const pre = document.createElement('pre');
      pre.id = 'driven';
      pre.textContent = 'driven: ' + error.stack;
      document.body.append(pre);
    });
  });
})();
