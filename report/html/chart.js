
(function () {
  'use strict';
  /* The drawings, anew: whenever one is zoomed or the window changes its width, the same panels are drawn from the packets
   * that the page holds, by the same measures (html_figure.h). */
  const TITLE = 22, BYTES = 270, ROW = 18, WINDOWS = 84, AXIS = 26, RIGHT = 14;
  const AGAIN = 1, FOREIGN = 4, GONE = 16;
  const FIN = 1, SYN = 2, RST = 4, ACK = 16;
  const EDGE_STRETCH = 2.5, SPOT = 9, GONE_MAX = 400;
  const LEAST_NS = 2000;
  const KINDS = ['TCP', 'ICMP error', 'ICMP', 'ARP', 'neighbour discovery', 'UDP', 'IP', 'not IP', 'fragment', 'cut off',
    'malformed', 'unknown link type'];
  const tip = document.getElementById('tip');
  const loaded = new Map();

  /* ---- packets ---- */

  function sums(differences, start) {
    const values = new Float64Array(differences.length);
    let value = start || 0;
    for (let i = 0; i < differences.length; i++)
      values[i] = value += differences[i];
    return values;
  }

  function load(id) {
    if (loaded.has(id))
      return loaded.get(id);
    const element = document.getElementById('data' + id);
    let data = null;
    if (element) {
      data = JSON.parse(element.textContent);
      data.t = sums(data.t);
      for (const name of ['frame', 'seq', 'ack', 'win', 'tsval', 'tsecr', 'own', 'other'])
        if (data[name])
          data[name] = sums(data[name]);
      data.side = Uint8Array.from(data.what, (what) => what >> 8 & 1);
      data.end = Uint8Array.from(data.what, (what) => what >> 9 & 7);
      data.kind = Uint8Array.from(data.what, (what) => what >> 12);
      data.count = data.t.length;
    }
    loaded.set(id, data);
    return data;
  }

  /* the first packet at or after that time */
  function from(data, at) {
    let low = 0, high = data.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.t[middle] < at)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  function isForeign(data, i) {
    return (data.what[i] & FOREIGN) !== 0;
  }

  function isData(plot, i) {
    return plot.data.side[i] === plot.side && plot.data.len[i] > 0 && !isForeign(plot.data, i);
  }

  function isAck(plot, i) {
    return plot.data.side[i] !== plot.side && plot.data.end[i] === plot.near && (plot.data.flags[i] & ACK) !== 0 &&
           !isForeign(plot.data, i);
  }

  function hasEdge(data, i) {
    return (data.flags[i] & (SYN | RST)) === 0;
  }

  /* ---- scales ---- */

  function step(range, ticks) {
    const least = range / ticks;
    const power = Math.pow(10, Math.floor(Math.log10(least > 1 ? least : 1)));
    for (const by of [1, 2, 5, 10])
      if (by * power >= least)
        return by * power;
    return 10 * power;
  }

  function timeStep(range, ticks) {
    const least = range / ticks;
    if (least <= 50e9)
      return step(range, ticks);
    for (const seconds of [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400])
      if (seconds * 1e9 >= least)
        return seconds * 1e9;
    return step(range / 86400e9, ticks) * 86400e9;
  }

  function timeLabel(since, by) {
    let digits = 0;
    for (let unit = 1e9; digits < 9 && by % unit !== 0; unit /= 10)
      digits++;
    if (by >= 3600e9 && since % 3600e9 === 0)
      return since / 3600e9 + ' h';
    if (by >= 60e9)
      return since / 60e9 + ' min';
    return (since / 1e9).toFixed(digits) + ' s';
  }

  function bytesLabel(bytes, by) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let unit = 0, digits = 0;
    for (; Math.abs(bytes) >= 1000 && unit + 1 < units.length; unit++) {
      bytes /= 1000;
      by /= 1000;
    }
    for (let rest = by; digits < 6 && rest < 1 && unit > 0; rest *= 10)
      digits++;
    return bytes.toFixed(bytes === 0 ? 0 : digits) + ' ' + units[unit];
  }

  function xOf(plot, at) {
    return (at - plot.from) / (plot.to - plot.from) * plot.inner;
  }

  function yOf(scale, at) {
    return scale.height * (1 - (at - scale.low) / (scale.high - scale.low));
  }

  function n(value) {
    return String(Math.round(value * 10) / 10);
  }

  /* ---- lines that are reduced to what can be seen ---- */

  function bars() {
    let path = '', column = null, top = 0, bottom = 0;
    function put() {
      if (column === null)
        return;
      if (bottom - top < 1.6) {
        const middle = (bottom + top) / 2;
        top = middle - 0.8;
        bottom = middle + 0.8;
      }
      path += 'M' + column + ' ' + n(bottom) + 'V' + n(top);
    }
    return {
      add: function (x, high, low) {
        const at = Math.floor(x + 0.5);
        if (at === column) {
          top = Math.min(top, high);
          bottom = Math.max(bottom, low);
          return;
        }
        put();
        column = at;
        top = high;
        bottom = low;
      },
      end: function (name) {
        put();
        return '<path class="' + name + '" d="' + path + '"/>';
      }
    };
  }

  function steps() {
    let path = '', column = null, top = 0, bottom = 0, last = 0;
    function put() {
      if (top < last - 0.05)
        path += 'V' + n(top);
      if (bottom > last + 0.05)
        path += 'V' + n(bottom);
      path += 'V' + n(last);
    }
    return {
      add: function (x, y) {
        const at = Math.floor(x + 0.5);
        if (column === null) {
          path = 'M' + at + ' ' + n(y);
          column = at;
          top = bottom = last = y;
          return;
        }
        if (at !== column) {
          put();
          path += 'H' + at;
          column = at;
          top = bottom = last;
        }
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
        last = y;
      },
      end: function (x, name) {
        if (column !== null) {
          put();
          path += 'H' + Math.floor(x + 0.5);
        }
        return '<path class="' + name + '" d="' + path + '"/>';
      }
    };
  }

  /* ---- the time-sequence diagram ---- */

  function ackBefore(plot) {
    for (let i = plot.first - 1; i >= 0 && i > plot.first - 20000; i--)
      if (isAck(plot, i) && hasEdge(plot.data, i))
        return i;
    return -1;
  }

  function bytesScale(plot, before) {
    const data = plot.data;
    let low = Infinity, high = -Infinity, edge = -Infinity;
    function ack(i) {
      low = Math.min(low, data.ack[i]);
      high = Math.max(high, data.ack[i]);
      if (hasEdge(data, i))
        edge = Math.max(edge, data.ack[i] + data.win[i]);
    }
    for (let i = plot.first; i < plot.last; i++)
      if (isData(plot, i) && (data.end[i] === plot.near || data.end[i] === plot.far)) {
        low = Math.min(low, data.seq[i]);
        high = Math.max(high, data.seq[i] + data.len[i]);
      } else if (isAck(plot, i)) {
        ack(i);
      }
    if (before >= 0)
      ack(before);
    if (low > high)
      low = high = 0;
    if (high <= low)
      high = low + 1;
    if (edge > high && edge - low <= (high - low) * EDGE_STRETCH)
      high = edge;
    const margin = (high - low) * 0.06;
    return { low: low - margin, high: high + margin, height: BYTES };
  }

  function dataBars(plot, scale, end, mask, marks, name) {
    const line = bars(), data = plot.data;
    for (let i = plot.first; i < plot.last; i++)
      if (isData(plot, i) && data.end[i] === end && (data.what[i] & mask) === marks)
        line.add(xOf(plot, data.t[i]), yOf(scale, data.seq[i] + data.len[i]), yOf(scale, data.seq[i]));
    return line.end(name);
  }

  function againMarks(plot, scale) {
    const data = plot.data;
    let path = '', last = -100;
    for (let i = plot.first; i < plot.last; i++) {
      const x = xOf(plot, data.t[i]);
      if (!isData(plot, i) || data.end[i] !== plot.near || !(data.what[i] & AGAIN) || x < last + 3)
        continue;
      last = x;
      path += 'M' + n(x - 3) + ' ' + n(yOf(scale, data.seq[i] + data.len[i]) - 1) + 'h6l-3 -5z';
    }
    return '<path class="again-mark" d="' + path + '"/>';
  }

  function goneMarks(plot, scale) {
    const data = plot.data;
    let path = '', count = 0;
    for (let i = plot.first; i < plot.last && count < GONE_MAX; i++) {
      if (!isData(plot, i) || !(data.what[i] & GONE))
        continue;
      path += 'M' + n(xOf(plot, data.t[i]) - 3.5) + ' ' + n(yOf(scale, data.seq[i] + data.len[i] / 2) - 3.5) +
              'l7 7m0 -7l-7 7';
      count++;
    }
    return '<path class="gone" d="' + path + '"/>';
  }

  function sackBars(plot, scale) {
    const line = bars(), data = plot.data;
    for (let i = plot.first; i < plot.last; i++) {
      const blocks = data.sack[i];
      for (let k = 0; blocks && isAck(plot, i) && k + 1 < blocks.length; k += 2)
        line.add(xOf(plot, data.t[i]), yOf(scale, blocks[k + 1]), yOf(scale, blocks[k]));
    }
    return line.end('sack');
  }

  function ackLine(plot, scale, before, edge) {
    const line = steps(), data = plot.data;
    function y(i) {
      return yOf(scale, data.ack[i] + (edge ? data.win[i] : 0));
    }
    if (before >= 0)
      line.add(0, y(before));
    for (let i = plot.first; i < plot.last; i++)
      if (isAck(plot, i) && hasEdge(data, i))
        line.add(xOf(plot, data.t[i]), y(i));
    return line.end(plot.inner, edge ? 'edge' : 'ack');
  }

  function shade(plot, span) {
    const x0 = Math.max(-2, xOf(plot, span.from)), x1 = Math.min(plot.inner + 2, xOf(plot, span.to));
    if (x1 < 0 || x0 > plot.inner)
      return '';
    return '<rect class="shade' + (span.rank === plot.rank ? ' own' : '') + '" x="' + n(x0) + '" y="-1" width="' +
           n(Math.max(1, x1 - x0)) + '" height="' + (BYTES + 2) + '"/>';
  }

  function shades(plot) {
    let text = '';
    for (const span of plot.data.spans)
      if (span.rank !== plot.rank && span.to > span.from && span.problem)
        text += shade(plot, span);
    return text + (plot.span ? shade(plot, plot.span) : '');
  }

  function findPacket(data, evidence) {
    if (evidence[1] === 0 || evidence[2] === null)
      return -1;
    for (let i = from(data, evidence[2]); i < data.count && data.t[i] === evidence[2]; i++)
      if (data.frame[i] === evidence[1] && data.end[i] === evidence[0])
        return i;
    for (let i = 0; i < data.count; i++)
      if (data.frame[i] === evidence[1] && data.end[i] === evidence[0])
        return i;
    return -1;
  }

  function packetY(plot, scale, i) {
    const data = plot.data;
    if (isForeign(data, i))
      return BYTES - 12;
    return yOf(scale, data.side[i] === plot.side ? data.seq[i] + data.len[i] / 2 : data.ack[i]);
  }

  function lifted(spots, x, y) {
    const apart = 2 * SPOT + 1;
    const home = Math.min(Math.max(y, SPOT + 2), BYTES - SPOT - 2);
    for (let lift = 0; lift < 12; lift++) {
      const at = home + Math.floor((lift + 1) / 2) * apart * (lift % 2 ? -1 : 1);
      if (at < SPOT || at > BYTES - SPOT)
        continue;
      if (spots.every((other) => Math.abs(other.x - x) > apart || Math.abs(other.y - at) >= apart))
        return at;
    }
    return home;
  }

  function spots(plot, scale) {
    const placed = [];
    let text = '';
    (plot.span ? plot.span.evidence : []).forEach(function (evidence, index) {
      if (evidence[1] === 0 || evidence[2] === null || evidence[2] < plot.from || evidence[2] > plot.to)
        return;
      const i = findPacket(plot.data, evidence);
      const x = xOf(plot, i < 0 ? evidence[2] : plot.data.t[i]);
      const home = i < 0 ? BYTES - 12 : packetY(plot, scale, i);
      const y = lifted(placed, x, home), id = 'f' + plot.rank, number = index + 1;
      placed.push({ x: x, y: y });
      text += '<a href="#' + id + 'e' + number + '" class="evidence" id="' + id + 'm' + number + '" aria-label="evidence ' +
              number + '">' +
              (Math.abs(home - y) > 1 ? '<path class="leader" d="M' + n(x) + ' ' + n(home) + 'L' + n(x) + ' ' + n(y) + '"/>' : '') +
              '<circle class="spot" cx="' + n(x) + '" cy="' + n(y) + '" r="' + SPOT + '"/><text class="number" x="' + n(x) +
              '" y="' + n(y + 4) + '">' + number + '</text></a>';
    });
    return text;
  }

  function strangers(plot) {
    let text = '';
    for (let i = plot.first; i < plot.last; i++)
      if (isForeign(plot.data, i))
        text += '<path class="stranger" d="M' + n(xOf(plot, plot.data.t[i]) - 6) + ' ' + (BYTES - 1) + 'h12l-6 -11z"/>';
    return text;
  }

  function bytesPanel(plot) {
    const before = ackBefore(plot), scale = bytesScale(plot, before);
    plot.scale = scale;
    return shades(plot) + ackLine(plot, scale, before, true) +
           (plot.far !== plot.near ? dataBars(plot, scale, plot.far, 0, 0, 'came') : '') +
           dataBars(plot, scale, plot.near, AGAIN, 0, 'data') + dataBars(plot, scale, plot.near, AGAIN, AGAIN, 'again') +
           againMarks(plot, scale) + sackBars(plot, scale) + ackLine(plot, scale, before, false) + goneMarks(plot, scale) +
           strangers(plot) + spots(plot, scale);
  }

  /* ---- who holds it ---- */

  function run(plot, top, begin, end, owner, named) {
    const x0 = Math.max(0, xOf(plot, begin)), x1 = Math.min(plot.inner, xOf(plot, end));
    if (x1 <= x0)
      return '';
    let text = '<rect class="o o-' + owner + '" x="' + n(x0) + '" y="' + n(top + 1) + '" width="' + n(Math.max(1, x1 - x0)) +
               '" height="' + (ROW - 3) + '"/>';
    if (named && x1 - x0 > 6.6 * owner.length + 10)
      text += '<text class="owner on-' + owner + '" x="' + n((x0 + x1) / 2) + '" y="' + n(top + 12.5) + '">' + owner + '</text>';
    return text;
  }

  function baseRuns(plot, side, top) {
    const data = plot.data, near = data.ends[side], allowance = data.allowance[side];
    let text = '', begun = null, owner = null, sent = 0, acked = 0, any = false, last = 0;
    function runTo(at, next) {
      if (next === owner)
        return;
      if (begun !== null && xOf(plot, at) - xOf(plot, begun) < 0.4) {
        owner = next;
        return;
      }
      if (begun !== null)
        text += run(plot, top, begun, at, owner, false);
      begun = at;
      owner = next;
    }
    function moves(i) {
      const own = data.side[i] === side;
      if (isForeign(data, i) || (!own && !(data.flags[i] & ACK)))
        return false;
      const to = own ? data.seq[i] + data.len[i] : data.ack[i];
      const first = !any;
      if (first)
        sent = acked = to;
      any = true;
      if (to <= (own ? sent : acked) && !first && !(data.flags[i] & (SYN | FIN)))
        return false;
      if (own)
        sent = Math.max(sent, to);
      else
        acked = Math.max(acked, to);
      return true;
    }
    for (let i = 0; i <= data.count; i++) {
      const waits = sent > acked, at = i < data.count ? data.t[i] : data.life;
      if (i < data.count && (data.end[i] !== near || !moves(i)))
        continue;
      if (at - last > allowance) {
        runTo(last, 'moving');
        runTo(last + allowance, waits ? 'short' : 'idle');
      }
      if (i < data.count)
        runTo(at, 'moving');
      last = at;
    }
    return begun === null ? text : text + run(plot, top, begun, data.life, owner, false);
  }

  function strip(plot, top) {
    const data = plot.data;
    let text = '', row = 0;
    for (let side = 0; side < 2; side++) {
      if (!data.rows[side])
        continue;
      const at = top + ROW * row++;
      text += '<text class="y" x="' + (plot.left - 6) + '" y="' + n(at + 12.5) + '">' + (side ? 'server' : 'client') +
              ' \u2192</text><g transform="translate(' + plot.left + ' 0)">' + baseRuns(plot, side, at);
      for (let problem = 0; problem < 2; problem++)
        for (let i = data.spans.length; i-- > 0;) {
          const span = data.spans[i];
          if (span.side === side && span.problem === problem && span.waits)
            text += run(plot, at, span.from, span.to, span.owner, true);
        }
      text += '</g>';
    }
    return text;
  }

  /* ---- bytes in flight, and the window ---- */

  function windowsPanel(plot) {
    const data = plot.data, points = [];
    let sent = null, acked = null, flight = null, window = null, most = 1;
    function note(x) {
      most = Math.max(most, flight || 0, window || 0);
      points.push([x, flight, window]);
    }
    function take(i) {
      const own = data.side[i] === plot.side, acks = (data.flags[i] & ACK) !== 0;
      if (own)
        sent = Math.max(sent === null ? -Infinity : sent, data.seq[i] + data.len[i]);
      else if (acks)
        acked = Math.max(acked === null ? -Infinity : acked, data.ack[i]);
      flight = sent !== null && acked !== null && sent > acked ? sent - acked : 0;
      if (data.own) /* not all packets are here: what was counted while they were */
        flight = own ? data.own[i] : data.other[i];
      if (!own && acks && hasEdge(data, i))
        window = data.win[i];
    }
    for (let i = 0; i < plot.last; i++) {
      if (i === plot.first)
        note(0);
      if (data.end[i] === plot.near && !isForeign(data, i))
        take(i);
      if (i >= plot.first)
        note(xOf(plot, data.t[i]));
    }
    if (plot.last <= plot.first)
      note(0);
    const scale = { low: -most * 0.03, high: most * 1.08, height: WINDOWS };
    const edge = steps(), line = steps();
    for (const point of points) {
      if (point[2] !== null)
        edge.add(point[0], yOf(scale, point[2]));
      if (point[1] !== null)
        line.add(point[0], yOf(scale, point[1]));
    }
    return { text: line.end(plot.inner, 'flight') + edge.end(plot.inner, 'edge'), scale: scale };
  }

  /* ---- the figure ---- */

  function grid(plot, scale, top, ticks) {
    const by = step(scale.high - scale.low, ticks);
    const first = Math.max(0, Math.ceil(scale.low / by)), lines = Math.floor(scale.high / by - first) + 1;
    let text = '';
    for (let i = 0; i < lines; i++) { /* counted: a sum of large numbers may not grow by a small one */
      const at = (first + i) * by, y = top + yOf(scale, at);
      text += '<path class="grid" d="M' + plot.left + ' ' + n(y) + 'H' + (plot.width - RIGHT) + '"/><text class="y" x="' +
              (plot.left - 6) + '" y="' + n(y + 4) + '">' + bytesLabel(at, by) + '</text>';
    }
    return text;
  }

  function timeAxis(plot, top, bottom) {
    const by = timeStep(plot.to - plot.from, Math.max(2, Math.floor(plot.inner / 110)));
    const first = Math.ceil(plot.from / by), lines = Math.floor(plot.to / by - first) + 1;
    let text = '';
    for (let i = 0; i < lines; i++) {
      const at = (first + i) * by, x = plot.left + xOf(plot, at);
      text += '<path class="grid" d="M' + n(x) + ' ' + top + 'V' + bottom + '"/><text class="x" x="' + n(x) + '" y="' +
              (bottom + 16) + '">' + timeLabel(at + 0, by) + '</text>';
    }
    return text;
  }

  function panel(plot, top, height, text) {
    return '<svg class="panel" x="' + plot.left + '" y="' + top + '" width="' + plot.inner + '" height="' + height + '">' + text +
           '</svg>';
  }

  function title(plot, top, text) {
    return '<text class="title" x="' + plot.left + '" y="' + (top - 7) + '">' + text + '</text>';
  }

  function letter(end) {
    return String.fromCharCode(65 + end % 26);
  }

  function bytesTitle(plot) {
    const who = plot.side ? 'server' : 'client', near = letter(plot.near);
    if (plot.near === plot.far)
      return 'bytes that the ' + who + ' sends, as ' + near + ' saw them';
    return plot.width < 560 ? who + '\u2019s bytes: left ' + near + ', came to ' + letter(plot.far) :
      'bytes that the ' + who + ' sends: as they left ' + near + ', and as they came to ' + letter(plot.far);
  }

  /* Its packets, as soon as somebody looks at it. */
  function prepare(plot) {
    if (plot.data)
      return;
    plot.data = load(plot.connection);
    plot.span = plot.data.spans.find((span) => span.rank === plot.rank) || null;
  }

  function draw(plot) {
    prepare(plot);
    const data = plot.data, rows = data.rows[0] + data.rows[1];
    plot.width = Math.max(300, Math.round(plot.figure.querySelector('.scroll').clientWidth));
    plot.left = plot.width < 560 ? 62 : 76;
    plot.inner = plot.width - plot.left - RIGHT;
    plot.near = data.ends[plot.side];
    plot.far = data.ends[1 - plot.side];
    plot.first = from(data, plot.from);
    plot.last = from(data, plot.to);
    const stripTop = TITLE + BYTES + (rows ? TITLE : 0), windowsTop = stripTop + rows * ROW + TITLE;
    const bottom = windowsTop + WINDOWS, height = bottom + AXIS;
    const bytes = bytesPanel(plot), windows = windowsPanel(plot);
    plot.svg.setAttribute('viewBox', '0 0 ' + plot.width + ' ' + height);
    plot.svg.innerHTML = timeAxis(plot, TITLE, bottom) + title(plot, TITLE, bytesTitle(plot)) + grid(plot, plot.scale, TITLE, 7) +
      panel(plot, TITLE, BYTES, bytes) + (rows ? title(plot, stripTop, 'who holds it') : '') + strip(plot, stripTop) +
      title(plot, windowsTop, 'bytes in flight, and the receiver\u2019s window') + grid(plot, windows.scale, windowsTop, 3) +
      panel(plot, windowsTop, WINDOWS, windows.text) +
      '<path class="cursor" visibility="hidden" d=""/><circle class="pick" visibility="hidden" r="6"/>' +
      '<rect class="brush" visibility="hidden" y="' + TITLE + '" height="' + (bottom - TITLE) + '"/>';
    plot.bottom = bottom;
    plot.drawn = true;
    plot.figure.classList.add('drawn');
  }

  function later(plot) {
    if (plot.waiting)
      return;
    plot.waiting = true;
    requestAnimationFrame(function () {
      plot.waiting = false;
      draw(plot);
    });
  }

  /* ---- zoom ---- */

  function show(plot, begin, end) {
    prepare(plot);
    const margin = plot.data.life / 50 + 1e6;
    const least = Math.min(plot.home[0], -margin), most = Math.max(plot.home[1], plot.data.life + margin);
    const length = Math.min(Math.max(end - begin, LEAST_NS), most - least);
    begin = Math.min(Math.max(begin, least), most - length);
    plot.from = begin;
    plot.to = begin + length;
    hide(plot);
    later(plot);
  }

  function zoom(plot, factor, share) {
    const length = plot.to - plot.from, at = plot.from + length * share;
    show(plot, at - length * factor * share, at + length * factor * (1 - share));
  }

  function shareOf(plot, event) {
    const box = plot.svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * plot.width / box.width - plot.left;
    return Math.min(1, Math.max(0, x / plot.inner));
  }

  let scrolled = 0; /* a wheel that moves the page over a drawing goes on to move the page */
  addEventListener('scroll', function () {
    scrolled = Date.now();
  }, { passive: true });

  function onWheel(plot, event) {
    if (Date.now() - scrolled < 250 && !event.ctrlKey && document.activeElement !== plot.figure)
      return;
    event.preventDefault();
    zoom(plot, Math.pow(1.0018, event.deltaY * (event.deltaMode ? 30 : 1)), shareOf(plot, event));
  }

  function brush(plot, a, b) {
    const element = plot.svg.querySelector('.brush');
    element.setAttribute('x', n(plot.left + Math.min(a, b) * plot.inner));
    element.setAttribute('width', n(Math.abs(a - b) * plot.inner));
    element.setAttribute('visibility', 'visible');
  }

  function onDown(plot, event) {
    if (event.button !== 0 || event.pointerType === 'touch' || event.target.closest('a'))
      return;
    const begin = shareOf(plot, event);
    let moved = false;
    function move(next) {
      const at = shareOf(plot, next);
      moved = moved || Math.abs(at - begin) * plot.inner > 4;
      if (moved)
        brush(plot, begin, at);
    }
    function up(last) {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', up);
      const end = shareOf(plot, last), length = plot.to - plot.from;
      if (moved)
        show(plot, plot.from + Math.min(begin, end) * length, plot.from + Math.max(begin, end) * length);
    }
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
  }

  function onKey(plot, event) {
    const length = plot.to - plot.from;
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== plot.figure)
      return;
    switch (event.key) {
    case '+': case '=': zoom(plot, 0.5, 0.5); break;
    case '-': zoom(plot, 2, 0.5); break;
    case 'ArrowLeft': show(plot, plot.from - length / 5, plot.to - length / 5); break;
    case 'ArrowRight': show(plot, plot.from + length / 5, plot.to + length / 5); break;
    case '0': case 'Escape': show(plot, plot.home[0], plot.home[1]); break;
    case 'Home': show(plot, -Infinity, Infinity); break;
    default: return;
    }
    event.preventDefault();
  }

  /* ---- packets under the pointer ---- */

  function nearest(plot, x, y) {
    const data = plot.data, at = plot.from + x / plot.inner * (plot.to - plot.from);
    const reach = 14 / plot.inner * (plot.to - plot.from), inBytes = y <= BYTES;
    let best = -1, least = 14 * 14;
    for (let i = from(data, at - reach); i < data.count && data.t[i] <= at + reach; i++) {
      const dx = xOf(plot, data.t[i]) - x;
      let dy = 0;
      if (inBytes && isForeign(data, i)) {
        dy = BYTES - 6 - y;
      } else if (inBytes && data.side[i] === plot.side) {
        const top = yOf(plot.scale, data.seq[i] + data.len[i]), bottom = yOf(plot.scale, data.seq[i]);
        dy = y < top ? top - y : y > bottom ? y - bottom : 0;
      } else if (inBytes) {
        dy = yOf(plot.scale, data.ack[i]) - y;
      }
      const distance = dx * dx + dy * dy;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }

  function clock(data, at) {
    let seconds = data.clock[0] + Math.floor((data.clock[1] + at) / 1e9);
    const ns = ((data.clock[1] + at) % 1e9 + 1e9) % 1e9;
    const fraction = String(Math.floor(ns / 1e3)).padStart(6, '0');
    if (!data.clock[2])
      return seconds + '.' + fraction;
    seconds = (seconds % 86400 + 86400) % 86400;
    return [seconds / 3600, seconds / 60 % 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':') +
           '.' + fraction;
  }

  function count(number) {
    return number.toLocaleString('en');
  }

  function flagNames(flags) {
    const names = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'];
    return names.filter((name, bit) => flags >> bit & 1).join(' ') || 'no flags';
  }

  function describe(data, i) {
    const lines = [];
    lines.push('frame ' + data.frame[i] + ' at ' + letter(data.end[i]) + ', ' + clock(data, data.t[i]));
    if (isForeign(data, i)) {
      lines.push('not of this connection: ' + KINDS[data.kind[i]] + ', ' + count(data.len[i]) + ' bytes');
      return lines;
    }
    lines.push(data.names[data.side[i]] + ' \u2192 ' + data.names[1 - data.side[i]] + ', ' + timeLabel(data.t[i], 1000));
    lines.push(flagNames(data.flags[i]) + (data.what[i] & AGAIN ? ', all of it has been here before' : '') +
               (data.what[i] & GONE ? ', not seen at ' + letter(data.ends[1 - data.side[i]]) : ''));
    lines.push('seq ' + count(data.seq[i]) + (data.len[i] > 0 ? ' to ' + count(data.seq[i] + data.len[i]) : '') + ', len ' +
               count(data.len[i]));
    lines.push((data.flags[i] & ACK ? 'ack ' + count(data.ack[i]) + ', ' : '') + 'win ' + count(data.win[i]));
    if (data.tsval && data.tsval[i])
      lines.push('TSval ' + data.tsval[i] + ', TSecr ' + data.tsecr[i]);
    if (data.sack[i]) {
      const blocks = [];
      for (let k = 0; k + 1 < data.sack[i].length; k += 2)
        blocks.push(count(data.sack[i][k]) + ' to ' + count(data.sack[i][k + 1]));
      lines.push('SACK ' + blocks.join(', '));
    }
    if (data.options[i])
      lines.push(data.options[i]);
    return lines;
  }

  function showTip(lines, event) {
    tip.textContent = '';
    lines.forEach(function (line, index) {
      const element = document.createElement(index ? 'div' : 'b');
      element.textContent = line;
      tip.append(element);
    });
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
    const y = event.clientY + 18 + tip.offsetHeight < innerHeight ? event.clientY + 18 : event.clientY - 12 - tip.offsetHeight;
    tip.style.left = Math.max(4, x) + 'px';
    tip.style.top = Math.max(4, y) + 'px';
  }

  function hide(plot) {
    tip.hidden = true;
    for (const element of plot.svg.querySelectorAll('.cursor, .pick'))
      element.setAttribute('visibility', 'hidden');
  }

  function onMove(plot, event) {
    if (!plot.drawn)
      draw(plot);
    const box = plot.svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * plot.width / box.width - plot.left;
    const y = (event.clientY - box.top) * plot.width / box.width - TITLE;
    const found = x < 0 || x > plot.inner || event.buttons ? -1 : nearest(plot, x, y);
    if (found < 0) {
      hide(plot);
      return;
    }
    const pick = plot.svg.querySelector('.pick'), cursor = plot.svg.querySelector('.cursor');
    const at = plot.left + xOf(plot, plot.data.t[found]);
    cursor.setAttribute('d', 'M' + n(at) + ' ' + TITLE + 'V' + plot.bottom);
    cursor.setAttribute('visibility', 'visible');
    pick.setAttribute('cx', n(at));
    pick.setAttribute('cy', n(TITLE + Math.min(BYTES, Math.max(0, packetY(plot, plot.scale, found)))));
    pick.setAttribute('visibility', 'visible');
    showTip(describe(plot.data, found), event);
  }

  /* ---- all of them ---- */

  function button(text, name, action) {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = text;
    made.setAttribute('aria-label', name);
    made.title = name;
    made.addEventListener('click', action);
    return made;
  }

  function buttons(plot) {
    const row = document.createElement('div');
    row.className = 'buttons';
    row.append(button('+', 'zoom in', () => zoom(plot, 0.5, 0.5)), button('\u2212', 'zoom out', () => zoom(plot, 2, 0.5)),
      button('\u2190', 'earlier', () => show(plot, plot.from - (plot.to - plot.from) / 3, plot.to - (plot.to - plot.from) / 3)),
      button('\u2192', 'later', () => show(plot, plot.from + (plot.to - plot.from) / 3, plot.to + (plot.to - plot.from) / 3)));
    if (plot.rank)
      row.append(button('finding', 'back to the finding', () => show(plot, plot.home[0], plot.home[1])));
    row.append(button('whole connection', 'all of the connection\u2019s life', () => show(plot, -Infinity, Infinity)));
    if (plot.figure.dataset.rows === '2')
      row.append(button('other direction', 'what the other side sends', function () {
        plot.side = 1 - plot.side;
        later(plot);
      }));
    plot.figure.prepend(row);
  }

  const plots = [];
  for (const figure of document.querySelectorAll('figure.plot')) {
    if (!document.getElementById('data' + figure.dataset.connection))
      continue;
    const plot = {
      figure: figure, svg: figure.querySelector('svg.chart'), connection: figure.dataset.connection, data: null, span: null,
      from: +figure.dataset.from, to: +figure.dataset.to, home: [+figure.dataset.from, +figure.dataset.to],
      side: +figure.dataset.side, rank: +figure.dataset.finding
    };
    plots.push(plot);
    figure.classList.add('live');
    figure.tabIndex = 0;
    figure.setAttribute('role', 'group');
    figure.setAttribute('aria-label', 'Drawing: plus and minus zoom, arrows move, 0 goes back');
    buttons(plot);
    plot.svg.addEventListener('wheel', (event) => onWheel(plot, event), { passive: false });
    plot.svg.addEventListener('pointerdown', (event) => onDown(plot, event));
    plot.svg.addEventListener('pointermove', (event) => onMove(plot, event));
    plot.svg.addEventListener('pointerleave', () => hide(plot));
    plot.svg.addEventListener('dblclick', () => show(plot, plot.home[0], plot.home[1]));
    figure.addEventListener('keydown', (event) => onKey(plot, event));
  }

  /* A row of the evidence was chosen: its mark is to be seen. */
  document.addEventListener('show-evidence', function (event) {
    const plot = plots.find((one) => one.rank === event.detail.rank);
    if (plot)
      prepare(plot);
    const evidence = plot && plot.span && plot.span.evidence[event.detail.number - 1];
    if (!evidence || evidence[2] === null)
      return;
    if (evidence[2] < plot.from || evidence[2] > plot.to) {
      const half = (plot.to - plot.from) / 2;
      plot.from = evidence[2] - half;
      plot.to = evidence[2] + half;
    }
    draw(plot);
  });

  /* ladders: the packet behind an arrow */
  document.addEventListener('pointermove', function (event) {
    const rung = event.target.closest('.rung');
    if (rung === null) {
      tip.hidden = tip.hidden || event.target.closest('svg.chart') === null;
      return;
    }
    const figure = rung.closest('article').querySelector('figure.plot');
    const data = load(figure.dataset.connection), parts = rung.dataset.packet.split(':').map(Number);
    const i = data ? findPacket(data, [parts[0], parts[1], 0]) : -1;
    if (i >= 0)
      showTip(describe(data, i), event);
  });

  /* drawn by the page's own width when they come into sight */
  const watcher = new IntersectionObserver(function (entries) {
    for (const entry of entries) {
      const plot = plots.find((one) => one.figure === entry.target);
      if (entry.isIntersecting && plot && !plot.drawn)
        draw(plot);
    }
  }, { rootMargin: '200px' });
  for (const plot of plots)
    watcher.observe(plot.figure);
  let width = innerWidth;
  addEventListener('resize', function () {
    if (innerWidth === width)
      return;
    width = innerWidth;
    for (const plot of plots)
      if (plot.drawn)
        later(plot);
  });
})();
