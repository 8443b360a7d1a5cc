"""An index of Python packages (PEP 503) with two wheels that it makes itself: `greeting` and `farewell`, version 1.0."""
import http.server
import io
import zipfile

NAMES = ("greeting", "farewell")
VERSION = "1.0"


def wheel(name):
    info = f"{name}-{VERSION}.dist-info"
    files = {
        f"{name}.py": f'VERSION = "{VERSION}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()


def pages():
    for name in NAMES:
        file = f"{name}-{VERSION}-py3-none-any.whl"
        yield f"/simple/{name}/", f'<a href="/{file}">{file}</a>'.encode(), "text/html"
        yield f"/{file}", wheel(name), "application/octet-stream"


PAGES = {path: (body, kind) for path, body, kind in pages()}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body, kind = PAGES.get(self.path, (b"no such package", "text/plain"))
        self.send_response(200 if self.path in PAGES else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
