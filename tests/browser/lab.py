"""A Jupyter server, and notebooks in it that a test can drive: in the page, and in their kernel behind it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from jupyter_client import BlockingKernelClient

from tests.chromium import watch

TOKEN = "test"
SECONDS = 120


@dataclass(frozen=True)
class App:
    """One of Jupyter's applications: how it is started, and where it shows a notebook."""

    module: str
    page: str
    #: Of its own, after the file's name: a workspace that is remembered would open more than was asked for.
    query: str = ""
    arguments: tuple[str, ...] = ()
    #: What it throws itself when it opens an empty notebook.
    own_errors: frozenset[str] = frozenset()


JUPYTERLAB = App(
    "jupyterlab",
    "lab/tree",
    "&reset",
    ("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
)
# Notebook 7.6's shortcuts look for their own settings before these are loaded.
NOTEBOOK = App(
    "notebook",
    "notebooks",
    own_errors=frozenset({"uncaught: Cannot read properties of undefined (reading 'schema')"}),
)


class Lab:
    def __init__(self, browser, folder: Path, app: App = JUPYTERLAB) -> None:
        self.browser, self.folder, self.app = browser, folder, app
        self.runtime = folder / "runtime"
        self.runtime.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @contextmanager
    def running(self):
        work = self.folder / "work"
        work.mkdir()
        settings = self.folder / "settings"
        notifications = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        notifications.parent.mkdir(parents=True)
        notifications.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        environment = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "OMP_WAIT_POLICY": "passive",
            "HF_HUB_OFFLINE": "1",
        }
        command = [
            sys.executable, "-m", self.app.module, "--allow-root", "--no-browser",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={work}", *self.app.arguments,
        ]  # fmt: skip
        with (self.folder / "server.log").open("w") as log:
            server = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=environment, stdin=subprocess.DEVNULL
            )
            try:
                self._wait_for_server(server)
                yield self
            finally:
                # Asked first, so that it ends its kernels; it waits long for open pages, and we do not. One that never
                # came up, or does not answer, is ended all the same.
                with suppress(OSError):
                    self.api("shutdown", "POST")
                try:
                    server.wait(120)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()

    def open_notebook(self, cells, name="test.ipynb"):
        """Write a notebook and open it."""
        book = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"c{n}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for n, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return self.open_content(name, json.dumps(book))

    def open_content(self, name, content):
        """Open a notebook with this content."""
        (self.folder / "work" / name).write_text(content, "utf-8")
        return Notebook(self, name)

    def api(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/{path}", method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or "null")

    def _wait_for_server(self, server):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return self.api("status")
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "server.log").read_text()[-2000:]) from None
                time.sleep(0.3)


class Notebook:
    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        context = lab.browser.new_context(viewport={"width": 1600, "height": 1100})
        self.page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.wrong = watch(self.page)
        self.kernel_ended = False
        self._client = None
        self._open()

    def _open(self):
        app = self.lab.app
        self.page.goto(f"http://127.0.0.1:{self.lab.port}/{app.page}/{self.name}?token={TOKEN}{app.query}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")

    def run_all(self):
        """Run > Run All Cells, as a person does it, once the kernel is there."""
        self.wait_for_kernel()
        self.page.locator(".jp-Notebook .jp-Cell").first.click()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()

    def wait_for(self, selector):
        """Wait until it is there; a cell that failed instead is a failure at once."""
        failed = '[data-mime-type="application/vnd.jupyter.error"]'
        self.page.wait_for_selector(f"{selector}, {failed}", timeout=120_000)
        if self.page.locator(failed).count():
            raise AssertionError(self.page.locator(failed).first.inner_text())

    def add_and_run(self, source):
        """Type a new cell at the end and run it."""
        last = self.page.locator(".jp-Notebook .jp-CodeCell").last
        last.locator(".cm-content").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.locator(".jp-Notebook .jp-CodeCell").last.locator(".cm-content").click()
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")

    def session(self):
        return next((s for s in self.lab.api("sessions") if s["path"].endswith(self.name)), None)

    def wait_for_kernel(self):
        until(lambda: (s := self.session()) and s["kernel"]["execution_state"] == "idle", "the kernel is idle")

    def is_busy(self):
        return self.session()["kernel"]["execution_state"] == "busy"

    def wait_idle(self):
        until(lambda: not self.is_busy(), "the cells have run", 120)

    def kernel_exec(self, source):
        """Run code in the notebook's kernel, as another cell of it; raises what it raises."""
        client = self._kernel()
        message_id = client.execute(source, store_history=False, allow_stdin=False)
        reply = client.get_shell_msg(timeout=120)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = client.get_shell_msg(timeout=120)
        if reply["content"]["status"] == "error":
            raise AssertionError("\n".join(reply["content"]["traceback"]))

    def kernel_eval(self, expression):
        """The repr of an expression in the notebook's kernel."""
        client = self._kernel()
        while True:
            try:
                client.get_iopub_msg(timeout=0)
            except Empty:
                break
        message_id = client.execute("", user_expressions={"it": expression}, store_history=False, allow_stdin=False)
        reply = client.get_shell_msg(timeout=120)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = client.get_shell_msg(timeout=120)
        it = reply["content"]["user_expressions"]["it"]
        if it["status"] == "error":
            raise AssertionError("\n".join(it["traceback"]))
        return it["data"]["text/plain"]

    def wait_until(self, expression, seconds=20):
        until(
            lambda: self.kernel_eval(expression) == "True",
            f"{expression} (now {self.kernel_eval(expression)})",
            seconds,
        )

    def save(self):
        self.page.keyboard.press("Control+s")
        until(
            lambda: "tracebench-static" in (self.lab.folder / "work" / self.name).read_text(), "the notebook is saved"
        )

    def outputs(self, cell):
        """The outputs of a cell as they are in the file."""
        return json.loads((self.lab.folder / "work" / self.name).read_text())["cells"][cell]["outputs"]

    def problems(self):
        """What went wrong in the page. Without a kernel JupyterLab itself complains in the console."""
        wrong = [each for each in self.wrong if each not in self.lab.app.own_errors]
        return [each for each in wrong if not (self.kernel_ended and each.startswith("console: "))]

    def shutdown_kernel(self):
        self._close_client()
        self.kernel_ended = True
        self.lab.api(f"sessions/{self.session()['id']}", "DELETE")

    def reopen(self):
        self._open()

    def close(self):
        self._close_client()
        self.page.context.close()

    def _kernel(self):
        if self._client is None:
            file = self.lab.runtime / f"kernel-{self.session()['kernel']['id']}.json"
            self._client = BlockingKernelClient(connection_file=str(file))
            self._client.load_connection_file()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=120)
        return self._client

    def _close_client(self):
        if self._client is not None:
            self._client.stop_channels()
            self._client = None


def until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.1)
