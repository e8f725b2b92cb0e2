
(function () {
  'use strict';
  /* What the page does besides its drawings: light or dark, the way from evidence to its marks and back, paper. */
  const root = document.documentElement;

  function button(text, title, action) {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = text;
    made.title = title;
    made.addEventListener('click', action);
    return made;
  }

  function remember(theme) {
    try {
      localStorage.setItem('tcpstall-theme', theme);
    } catch (error) { /* a page from a file may have no storage */ }
  }

  function remembered() {
    try {
      return localStorage.getItem('tcpstall-theme');
    } catch (error) {
      return null;
    }
  }

  function isDark() {
    return root.dataset.theme === 'dark' ||
           (root.dataset.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  }

  const old = remembered();
  if (old === 'dark' || old === 'light')
    root.dataset.theme = old;
  document.getElementById('tools').append(button('light / dark', 'switch between light and dark', function () {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    remember(root.dataset.theme);
  }));

  /* "f3e2" is a row of the evidence, "f3m2" its mark in the drawing */
  function light(id) {
    for (const lit of document.querySelectorAll('.lit'))
      lit.classList.remove('lit');
    const parts = /^f(\d+)[em](\d+)$/.exec(id);
    if (!parts)
      return;
    for (const kind of ['e', 'm']) {
      const one = document.getElementById('f' + parts[1] + kind + parts[2]);
      if (one)
        one.classList.add('lit');
    }
  }

  document.addEventListener('click', function (event) {
    const link = event.target.closest('a[href^="#f"]');
    if (!link)
      return;
    const id = link.getAttribute('href').slice(1);
    const parts = /^f(\d+)m(\d+)$/.exec(id);
    if (parts) /* its mark may be outside of what is shown: the drawing sees to that */
      document.dispatchEvent(new CustomEvent('show-evidence', { detail: { rank: +parts[1], number: +parts[2] } }));
    light(id);
  });

  let opened = [];
  addEventListener('beforeprint', function () {
    opened = Array.from(document.querySelectorAll('details:not([open])'));
    for (const details of opened)
      details.open = true;
  });
  addEventListener('afterprint', function () {
    for (const details of opened)
      details.open = false;
  });
})();
