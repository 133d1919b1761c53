"""Whether an analysis named the planted fault: compares the findings of `heap-analyzer summary --json` with the truth.

The first finding must have an id of the fault's family, name the type that accumulates (or pins), the line that allocates
it, and the object that keeps it. Without a fault every finding must be a note.
"""

import collections
import os

ROLES = {"accumulating", "pin"}
FAMILY = {"listeners": "leak.", "unbounded-cache": "leak.", "deep-list": "leak.", "large-between-small": "fragmentation."}


def judge(truth: dict, findings: list) -> dict:
    """{"id", "type", "site", "owner": whether right, "right": all of them, "what": one line for people}."""
    first = findings[0] if findings else None
    loud = [f for f in findings if f["severity"] != "note"]
    if truth["fault"] == "none":
        return {"right": not loud, "what": f"{loud[0]['id']} ({loud[0]['severity']}): {loud[0]['verdict']}" if loud else "silent"}
    if first is None:
        return {"id": False, "type": False, "site": False, "owner": False, "right": False, "what": "no finding"}
    objects = first["objects"]
    named = [o["object"]["type"] for o in objects if o["role"] in ROLES]
    keepers = [o["object"]["type"] for o in objects if o["role"] == "owner"]
    sites = first["sites"][:1]
    verdict = {
        "id": first["id"].startswith(FAMILY[truth["fault"]]) and first["severity"] != "note",
        "type": bool(named) and named[0] == truth["type"],
        "site": bool(sites) and os.path.basename(sites[0]["file"]) == truth["file"] and sites[0]["line"] == truth["line"],
        "owner": any(keeper in truth["owners"] for keeper in keepers),
    }
    verdict["right"] = all(verdict.values())
    where = f"{os.path.basename(sites[0]['file'])}:{sites[0]['line']}" if sites else "no site"
    verdict["what"] = f"{first['id']} ({first['severity']}) {named[0] if named else '?'} at {where}, owner {keepers[0] if keepers else '?'}"
    return verdict


def table(results: list) -> str:
    """A confusion table in Markdown of [(truth, verdict)]: a row for each planted kind."""
    rows = collections.defaultdict(list)
    for truth, verdict in results:
        rows[truth["fault"]].append(verdict)
    lines = ["| planted | dumps | first finding right | family right | type right | site right | owner right |", "|---|---|---|---|---|---|---|"]
    for kind in [*FAMILY, "none"]:
        verdicts = rows.get(kind, [])
        if not verdicts:
            continue
        count = lambda key: sum(bool(v.get(key)) for v in verdicts)
        if kind == "none":
            lines.append(f"| none | {len(verdicts)} | {count('right')} silent, {len(verdicts) - count('right')} above note | | | | |")
        else:
            lines.append(f"| {kind} | {len(verdicts)} | {count('right')} | {count('id')} | {count('type')} | {count('site')} | {count('owner')} |")
    right = sum(v["right"] for _, v in results)
    lines.append(f"| all | {len(results)} | **{right}** ({100 * right / max(len(results), 1):.0f} %) | | | | |")
    return "\n".join(lines)
