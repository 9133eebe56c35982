"""A real JupyterLab of our own and a Chromium that cannot leave this machine."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("HARNLAB_CHROME") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

KERNEL_IS_IDLE = """() =>
    window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"""
EVERY_CELL_HAS_RUN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = Array.from(panel.content.model.cells).filter(c => c.type === 'code' && c.sharedModel.source.trim());
    const outputs = cells.flatMap(c => c.sharedModel.toJSON().outputs);
    const error = outputs.find(output => output.output_type === 'error');
    if (error) return `${error.ename}: ${error.evalue}`;
    return cells.every(c => c.executionCount != null && c.executionState !== 'running')
        && panel.sessionContext.session.kernel.status === 'idle';
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A running JupyterLab: its address and the folder it serves."""

    url: str
    folder: Path

    def write(self, name, *sources):
        """Write a notebook of code cells that were never run."""
        cells = [new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), self.folder / name)


# What would move, cover or hide a page under test is off.
SETTINGS = {
    # The "Jupyter news" toast covers the page and swallows clicks.
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # A windowed notebook draws only the cells in sight.
    "notebook-extension/tracker": {
        "windowingMode": "none",
        "scrollPastEnd": False,
        "autoStartDefaultKernel": True,
    },
    "docmanager-extension/plugin": {"autosave": False},
}


@contextlib.contextmanager
def running_lab(home):
    """Start JupyterLab with everything it writes under ``home``, and stop it again."""
    served = home / "notebooks"
    served.mkdir()
    for plugin, values in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(url=f"http://127.0.0.1:{port}", folder=served)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
    ]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={served}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url="]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    log = home / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=_environment(home), stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_up(lab, server, log)
            yield lab
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _environment(home):
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "XDG_CACHE_HOME": "cache",
    }
    return {**os.environ, "CI": "true", "TZ": "UTC"} | {
        name: str(home / part) for name, part in folders.items()
    }


def _wait_until_up(lab, server, log, patience_s=180):  # a machine that many share is slow, not wrong
    until = time.monotonic() + patience_s
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{lab.url}/api/status", timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def running_chromium(*, scroll_bars=False):
    """Start the machine's own Chromium, headless; Playwright hides scroll bars unless asked not to."""
    shown = ["--hide-scrollbars"] if scroll_bars else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, ignore_default_args=shown)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def watched_page(browser, lab, *, width=1100, height=900, scale=1):
    """Open a page that may reach only this JupyterLab; yields it and the list of what went wrong on it."""
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    problems = []
    own = (lab.url, lab.url.replace("http:", "ws:"), "data:", "blob:")

    def keep_home(route):
        if route.request.url.startswith(own):
            route.continue_()
        else:
            problems.append(f"off-machine request: {route.request.url}")
            route.abort()

    def check_socket(socket):
        if not socket.url.startswith(own):
            problems.append(f"off-machine socket: {socket.url}")

    page = context.new_page()
    page.route("**/*", keep_home)
    page.on("websocket", check_socket)
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    try:
        yield page, problems
    finally:
        context.close()


def open_notebook(page, lab, name):
    """Open a notebook and wait for its kernel."""
    page.goto(f"{lab.url}/doc/tree/{name}?reset", timeout=120_000)
    page.wait_for_function(KERNEL_IS_IDLE, timeout=180_000)


def switch_theme(page, theme):
    """Switch JupyterLab to its ``light`` or ``dark`` theme and wait until the page wears it.

    Its splash screen must be gone too: shown again while it fades it is removed twice, which is a page error.
    """
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    wears = """light => document.body.dataset.jpThemeLight === light
        && !document.getElementById('jupyterlab-splash')"""
    page.wait_for_function(wears, arg="true" if theme == "light" else "false", timeout=20_000)


def run_all_cells(page):
    """Run every cell from the top and wait until all are done; a cell that fails ends the wait."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    done = page.wait_for_function(EVERY_CELL_HAS_RUN, timeout=300_000).json_value()
    if done is not True:
        raise RuntimeError(f"a cell failed: {done}")
