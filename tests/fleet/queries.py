#!/usr/bin/env python3
"""queries.py check|duckdb|clickhouse SOURCE_DIR TCPSTALL DIR: the worked example of docs/fleet.md.

check: every column that its queries name exists, in the schema and in lines that the program writes. duckdb, clickhouse: the engine
runs the queries on the samples; each has to give rows of the columns that the page shows. FLEET_UPDATE=1 puts the present output
into the page. Exit status 77: the engine is not here (DuckDB: TCPSTALL_DUCKDB names a folder in which `npm install @duckdb/node-api`
was run; ClickHouse: clickhouse-server and clickhouse-client)."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

mode, source, tcpstall, directory = sys.argv[1:]
PAGE = f"{source}/docs/fleet.md"
page = open(PAGE, encoding="utf-8").read()
BLOCK = re.compile(r"<!-- (\w+): ([\w ]+) -->\n```(?:sql)?\n(.*?)```", re.S)
blocks = {(kind, name): text.strip() for kind, name, text in BLOCK.findall(page)}


def queries(engine):
    return [(name, text) for (kind, name), text in blocks.items() if kind == engine]


def write_lines():
    os.makedirs(f"{directory}/lines", exist_ok=True)
    if not os.path.exists(f"{directory}/samples"):
        os.symlink(f"{source}/samples", f"{directory}/samples")
    traces = sorted(os.path.relpath(t, source) for t in glob.glob(f"{source}/samples/*.pcapng"))
    run = subprocess.run([tcpstall, "analyze", "--json-lines", "--each", "-o", "lines/1.jsonl", *traces], cwd=directory, check=False)
    if run.returncode != 1:
        sys.exit(f"the samples: exit status {run.returncode}")
    # what a job may have left behind: an error, and an analysis without its end
    with open(f"{directory}/lines/2.jsonl", "w", encoding="utf-8") as file:
        subprocess.run([tcpstall, "analyze", "--json-lines", "samples/README.md"], cwd=directory, stdout=file,
                       stderr=subprocess.DEVNULL, check=False)
        whole = subprocess.run([tcpstall, "analyze", "--json-lines", "samples/2003-tap-stall/sender.txt"], cwd=directory,
                               capture_output=True, check=False, text=True).stdout
        file.write(whole.split("\n", maxsplit=1)[0] + "\n")


# ---- what exists ----


def members(schema, schemas):
    """Of a schema: its members' names and their schemas, references resolved."""
    while "$ref" in schema:
        document, _, path = schema["$ref"].partition("#/")
        here = schemas[document] if document else schemas["tcpstall-1-lines.schema.json"]
        for step in path.split("/"):
            here = here[step]
        if not document:
            schema = here
            continue
        schema = resolve_inside(here, schemas[document])
    return schema


def resolve_inside(schema, document):
    while schema.get("$ref", "").startswith("#/"):
        here = document
        for step in schema["$ref"][2:].split("/"):
            here = here[step]
        schema = here
    items = schema.get("items")
    if isinstance(items, dict):
        schema = {**schema, "items": resolve_inside(items, document)}
    if "properties" in schema:
        schema = {**schema, "properties": {k: resolve_inside(v, document) if "$ref" in v else v for k, v in schema["properties"].items()}}
    return schema


def check_columns():
    schemas = {os.path.basename(p): json.load(open(p, encoding="utf-8")) for p in glob.glob(f"{source}/docs/schema/*.json")}
    kinds = schemas["tcpstall-1-lines.schema.json"]["$defs"]
    found = 0
    for _, text in queries("duckdb"):
        types = re.findall(r"type = '(\w+)'", text)
        for columns in re.findall(r"columns = \{(.*?)\}\)", text, re.S):
            for name, declared in re.findall(r"(\w+): '([^']*)'", columns):
                holders = [kinds[t]["properties"][name] for t in types if name in kinds[t]["properties"]]
                if not holders:
                    sys.exit(f"no line of type {' or '.join(types)} has a member {name}")
                found += 1
                struct = re.match(r"STRUCT\((.*)\)(\[\])?$", declared)
                for field in re.findall(r'"?(\w+)"? (?:VARCHAR|BIGINT|INTEGER|DOUBLE|MAP)', struct[1]) if struct else []:
                    inner = members(holders[0], schemas)
                    inner = members(inner["items"], schemas) if "items" in inner else inner
                    if field not in inner["properties"]:
                        sys.exit(f"{name} has no member {field}")
                    found += 1
    table = blocks[("clickhouse", "findings")]
    wanted = set(re.findall(r"(\w+) (?:FixedString|String|UInt16|Int64|Float64)", table))
    lines = [json.loads(line) for line in open(f"{directory}/lines/1.jsonl", encoding="utf-8")]
    made = subprocess.run(["jq", "-c", re.search(r"jq -c '(.*?)'", blocks[("load", "findings")], re.S)[1], f"{directory}/lines/1.jsonl"],
                          capture_output=True, check=True, text=True).stdout.splitlines()
    if len(made) != sum(line["type"] == "finding" for line in lines) or set(json.loads(made[0])) != wanted:
        sys.exit(f"jq makes other columns than the table has: {sorted(set(json.loads(made[0])) ^ wanted)}")
    for _, text in queries("clickhouse")[1:]:
        words = set(re.findall(r"\b(?:location|cause|waited_s|severity|start_ns|kind|server_addr)\b", text))
        found += len(words)
        if words - wanted:
            sys.exit(f"no such column: {words - wanted}")
    print(f"{found} columns exist")


# ---- engines ----


def check_output(name, shown):
    """shown: lines of columns divided by " | ". The page's has to have the same columns, and rows."""
    global page
    if os.environ.get("FLEET_UPDATE") == "1":
        start = page.index(f"<!-- output: {name} -->")
        begin = page.index("```\n", start) + 4
        page = page[:begin] + "\n".join(shown) + "\n" + page[page.index("```", begin):]
        return
    said = blocks[("output", name)].split("\n")
    if said[0] != shown[0] or len(shown) < 2:
        sys.exit(f"{name}: {shown[:3]} instead of {said[:3]}")


NODE = """
const { createRequire } = require('module');
const { DuckDBInstance } = createRequire(process.argv[1] + '/')('@duckdb/node-api');
(async () => {
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const all = [];
  for (const text of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
    const result = await db.runAndReadAll(text);
    all.push([result.columnNames(), ...result.getRowsJson()]);
  }
  console.log(JSON.stringify(all));
})();
"""


def run_duckdb():
    folder = os.environ.get("TCPSTALL_DUCKDB", "")
    if not os.path.isdir(f"{folder}/node_modules/@duckdb/node-api") or shutil.which("node") is None:
        print("skipped: TCPSTALL_DUCKDB names no folder with @duckdb/node-api, or there is no node")
        sys.exit(77)
    named = queries("duckdb")
    run = subprocess.run(["node", "-e", NODE, "--", folder], cwd=directory, input=json.dumps([text for _, text in named]),
                         capture_output=True, check=False, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr[-2000:])
    for (name, _), rows in zip(named, json.loads(run.stdout)):
        if ("output", name) in blocks:
            check_output(name, [" | ".join(str(value) for value in row) for row in rows])


CONFIG = """<yandex><logger><level>warning</level><log>{0}/log</log><errorlog>{0}/errors</errorlog></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>{1}</tcp_port><path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path>
<users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size></yandex>"""
USERS = """<yandex><profiles><default></default></profiles><users><default><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default></users><quotas><default></default></quotas></yandex>"""


def ask_clickhouse(port, query, data=None):
    run = subprocess.run(["clickhouse-client", "--host", "127.0.0.1", "--port", str(port), "--query", query],
                         input=data, capture_output=True, check=False)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def run_clickhouse():
    server = shutil.which("clickhouse-server", path=os.environ["PATH"] + ":/usr/sbin")
    if server is None or shutil.which("clickhouse-client") is None:
        print("skipped: clickhouse-server or clickhouse-client is not installed")
        sys.exit(77)
    home = f"{directory}/clickhouse"
    os.makedirs(f"{home}/data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    open(f"{home}/config.xml", "w", encoding="utf-8").write(CONFIG.format(home, port))
    open(f"{home}/users.xml", "w", encoding="utf-8").write(USERS)
    process = subprocess.Popen([server, f"--config-file={home}/config.xml"], cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(150):
            if ask_clickhouse(port, "SELECT 1")[0] == 0:
                break
            time.sleep(0.2)
        load = blocks[("load", "findings")]
        rows = subprocess.run(["sh", "-c", load[:load.rindex("|")]], cwd=directory, capture_output=True, check=True).stdout
        for name, text in queries("clickhouse"):
            status, out, error = ask_clickhouse(port, text + ("" if text.startswith("CREATE") else " FORMAT TSVWithNames"))
            if status != 0:
                sys.exit(f"{name}: {error[-1000:]}")
            if name == "findings":
                for _ in range(2): # twice is as good as once
                    status, _, error = ask_clickhouse(port, "INSERT INTO findings FORMAT JSONEachRow", rows)
                    if status != 0:
                        sys.exit(error[-1000:])
                if int(ask_clickhouse(port, "SELECT count() FROM findings FINAL")[1]) != rows.count(b"\n"):
                    sys.exit("loading twice makes other rows than loading once")
            else:
                check_output(f"clickhouse {name}", out.replace("\t", " | ").splitlines())
    finally:
        process.terminate()
        process.wait()


write_lines()
{"check": check_columns, "duckdb": run_duckdb, "clickhouse": run_clickhouse}[mode]()
if os.environ.get("FLEET_UPDATE") == "1":
    open(PAGE, "w", encoding="utf-8").write(page)
