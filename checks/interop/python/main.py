"""The published Python client library against dtm4j: sagas, TCC and messages, behind its barriers on MariaDB.

Prints `--- PASS: name` or `--- FAIL: name` per case; what else is printed comes from the library.
"""

import json
import os
import sys
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pymysql
import requests
from dtmcli import barrier, msg, saga, tcc, utils

DTM = os.environ["DTM_HTTP"]
FINAL_SECONDS = 60  # how long a transaction may take to its end on a busy machine
ASKED_AFTER_SECONDS = 5  # age at which the server asks about a message that was not submitted

results = sys.stdout
sys.stdout = sys.stderr  # the library prints its statements


def connect():
    return pymysql.connect(
        host="127.0.0.1", port=int(os.environ["MARIADB_PORT"]), user="bank", password="bank", database="bank")


def add(account, amount):
    """What a barrier is to guard: puts an amount on an account, and refuses what would overdraw it."""

    def work(cursor):
        changed = cursor.execute(
            "update account set balance=balance+%s where id=%s and balance+%s>=0", (amount, account, amount))
        if changed != 1:
            raise utils.DTMFailureError("not enough money")

    return work


def reserve(account, amount):
    def work(cursor):
        changed = cursor.execute(
            "update account set trading=trading+%s where id=%s and balance+trading+%s>=0", (amount, account, amount))
        if changed != 1:
            raise utils.DTMFailureError("not enough money")

    return work


def confirm(account, amount):
    return lambda cursor: cursor.execute(
        "update account set balance=balance+%s, trading=trading-%s where id=%s", (amount, amount, account))


SERVICES = {
    "TransOut": lambda account, amount: add(account, -amount),
    "TransOutRevert": add,
    "TransIn": add,
    "TransInRevert": lambda account, amount: add(account, -amount),
    "TransOutTry": lambda account, amount: reserve(account, -amount),
    "TransOutConfirm": lambda account, amount: confirm(account, -amount),
    "TransOutCancel": reserve,
    "TransInTry": reserve,
    "TransInConfirm": confirm,
    "TransInCancel": lambda account, amount: reserve(account, -amount),
}


class Stage:
    """One transaction, its two accounts and what the services were asked about it."""

    by_gid = {}

    def __init__(self):
        self.gid = utils.gen_gid(DTM)
        self.calls = []
        self.handlers = {}
        self.out, self.into = self.account(100), self.account(0)
        Stage.by_gid[self.gid] = self

    def account(self, balance):
        account = str(uuid.uuid4())
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("insert into account(id, balance) values(%s, %s)", (account, balance))
            connection.commit()
        return account

    def ends(self, status, *calls):
        """Waits for the final status and asserts it and the calls, in their order."""
        end = time.monotonic() + FINAL_SECONDS
        while True:
            found = requests.get(DTM + "/query", params={"gid": self.gid}).json()["transaction"]
            got = found["status"] if found else None
            if got in ("succeed", "failed"):
                break
            assert time.monotonic() < end, f"still {got}, expected {status}; calls: {self.calls}"
            time.sleep(0.05)
        assert got == status, f"status {got}, expected {status}"
        assert self.calls == list(calls), f"calls: {self.calls}, expected {list(calls)}"

    def balances(self, out, into):
        """Asserts what is on both accounts, with nothing reserved."""
        with connect() as connection, connection.cursor() as cursor:
            for account, balance in ((self.out, out), (self.into, into)):
                cursor.execute("select balance, trading from account where id=%s", (account,))
                got = cursor.fetchone()
                assert got == (balance, 0), f"balance and reserved {got}, expected {(balance, 0)}"


class Call:
    """What a service was asked."""

    def __init__(self, service, query, body):
        self.service = service
        self.gid, self.branch_id, self.op = query["gid"], query["branch_id"], query["op"]
        self.barrier = barrier.BranchBarrier(query["trans_type"], self.gid, self.branch_id, self.op)
        self.account, self.amount = body.get("account"), body.get("amount")

    def move(self):
        """Does what the name of the service says, behind a barrier."""
        with connect() as connection, connection.cursor() as cursor:
            self.barrier.call(cursor, SERVICES[self.service](self.account, self.amount))

    def answer_prepared(self):
        with connect() as connection, connection.cursor() as cursor:
            self.barrier.query_prepared(cursor)


def refuse(_):
    raise utils.DTMFailureError("refused")


class Services(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = Call(url.path[1:], {name: values[0] for name, values in parse_qs(url.query).items()}, json.loads(body or "{}"))
        stage = Stage.by_gid[call.gid]
        stage.calls.append(f"{call.service} {call.branch_id} {call.op}")
        try:
            stage.handlers.get(call.service, Call.move)(call)
            self.answer(200, {"dtm_result": "SUCCESS"})
        except utils.DTMFailureError as e:
            self.answer(409, {"error": str(e)})
        except Exception as e:
            self.answer(500, {"error": str(e)})

    do_GET = do_POST

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


services = ThreadingHTTPServer(("127.0.0.1", 0), Services)


def url(service):
    return f"http://127.0.0.1:{services.server_port}/{service}"


def refused(action):
    try:
        action()
    except utils.DTMFailureError:
        return
    raise AssertionError("it was not refused")


def new_saga(stage, waited=True):
    made = saga.Saga(DTM, stage.gid)
    made.add({"account": stage.out, "amount": 30}, url("TransOut"), url("TransOutRevert"))
    made.add({"account": stage.into, "amount": 30}, url("TransIn"), url("TransInRevert"))
    made.trans_base.wait_result = waited
    made.trans_base.request_timeout = 30
    return made


def a_saga_moves_money(stage):
    new_saga(stage).submit()

    stage.ends("succeed", "TransOut 01 action", "TransIn 02 action")
    stage.balances(70, 30)


def a_refused_saga_is_compensated(stage):
    stage.handlers["TransIn"] = refuse

    refused(new_saga(stage).submit)

    stage.ends("failed", "TransOut 01 action", "TransIn 02 action", "TransInRevert 02 compensate", "TransOutRevert 01 compensate")
    stage.balances(100, 0)


def a_repeated_action_works_once(stage):
    def lose_answer(call):
        call.move()
        if stage.calls.count("TransIn 02 action") == 1:
            raise Exception("the answer got lost")

    stage.handlers["TransIn"] = lose_answer
    made = new_saga(stage, waited=False)
    made.trans_base.retry_interval = 1

    made.submit()

    stage.ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransIn 02 action")
    stage.balances(70, 30)


def call_branch(of, service, account):
    of.call_branch({"account": account, "amount": 30}, url(service + "Try"), url(service + "Confirm"), url(service + "Cancel"))


def transfer(stage):
    def branches(of):
        call_branch(of, "TransOut", stage.out)
        call_branch(of, "TransIn", stage.into)

    return tcc.tcc_global_transaction(DTM, stage.gid, branches)


def a_TCC_is_confirmed(stage):
    assert transfer(stage) == stage.gid

    stage.ends("succeed", "TransOutTry 01 try", "TransInTry 02 try", "TransInConfirm 02 confirm", "TransOutConfirm 01 confirm")
    stage.balances(70, 30)


def a_refused_TCC_is_cancelled(stage):
    stage.handlers["TransInTry"] = refuse

    assert transfer(stage) == ""

    stage.ends("failed", "TransOutTry 01 try", "TransInTry 02 try", "TransInCancel 02 cancel", "TransOutCancel 01 cancel")
    stage.balances(100, 0)


def a_nested_TCC_is_confirmed(stage):
    def nest(call):
        call.move()
        call_branch(tcc.tcc_from_req(DTM, call.gid, call.branch_id), "TransIn", stage.into)

    stage.handlers["TransOutTry"] = nest

    assert tcc.tcc_global_transaction(DTM, stage.gid, lambda of: call_branch(of, "TransOut", stage.out)) == stage.gid

    stage.ends("succeed", "TransOutTry 01 try", "TransInTry 0101 try", "TransInConfirm 0101 confirm", "TransOutConfirm 01 confirm")
    stage.balances(70, 30)


def message(stage):
    made = msg.Msg(DTM, stage.gid).add({"account": stage.into, "amount": 30}, url("TransIn"))
    made.trans_base.timeout_to_fail = ASKED_AFTER_SECONDS
    stage.handlers["QueryPrepared"] = Call.answer_prepared
    return made


def send(stage, amount):
    with connect() as connection, connection.cursor() as cursor:
        message(stage).do_and_submit_db(url("QueryPrepared"), cursor, add(stage.out, -amount))


def a_message_follows_its_local_transaction(stage):
    send(stage, 30)

    stage.ends("succeed", "TransIn 01 action")
    stage.balances(70, 30)


def a_message_whose_local_transaction_refuses_is_not_sent(stage):
    refused(lambda: send(stage, 1000))

    stage.ends("failed")
    stage.balances(100, 0)


def a_message_that_was_never_submitted_is_sent_after_a_check_back(stage):
    message(stage).prepare(url("QueryPrepared"))
    with connect() as connection, connection.cursor() as cursor:
        barrier.BranchBarrier("msg", stage.gid, "00", "msg").call(cursor, add(stage.out, -30))

    stage.ends("succeed", "QueryPrepared 00 msg", "TransIn 01 action")
    stage.balances(70, 30)


def a_message_whose_local_transaction_never_came_is_given_up(stage):
    message(stage).prepare(url("QueryPrepared"))

    stage.ends("failed", "QueryPrepared 00 msg")
    stage.balances(100, 0)


CASES = [
    a_saga_moves_money,
    a_refused_saga_is_compensated,
    a_repeated_action_works_once,
    a_TCC_is_confirmed,
    a_refused_TCC_is_cancelled,
    a_nested_TCC_is_confirmed,
    a_message_follows_its_local_transaction,
    a_message_whose_local_transaction_refuses_is_not_sent,
    a_message_that_was_never_submitted_is_sent_after_a_check_back,
    a_message_whose_local_transaction_never_came_is_given_up,
]


def run(case):
    """Whether the case passed."""
    begun = time.monotonic()
    try:
        case(Stage())
        verdict, reason = "PASS", ""
    except Exception:
        verdict, reason = "FAIL", traceback.format_exc()
    results.write(f"--- {verdict}: {case.__name__} ({time.monotonic() - begun:.2f}s)\n{reason}")
    results.flush()
    return verdict == "PASS"


if __name__ == "__main__":
    threading.Thread(target=services.serve_forever, daemon=True).start()
    with ThreadPoolExecutor(len(CASES)) as pool:
        passed = list(pool.map(run, CASES))
    sys.exit(0 if all(passed) else 1)
