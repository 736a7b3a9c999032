"""The server as each of several editors meets it: the same conversation under the abilities that each one states.

Started by `tests/tests/language_server/clients.rs`, which sets LAYERC to the program under test.
"""

import asyncio
import collections
import functools
import os
import pathlib
import sys

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp import client_capabilities as read_capabilities
from pytest_lsp.client import register_lsp_features

PROFILES = [
    "emacs@29.1",
    "neovim@0.6.1",
    "neovim@0.8.0",
    "neovim@0.9.1",
    "neovim@0.10.0",
    "neovim@0.11.0",
    "visual_studio_code@1.65.2",
]

FILES = {
    "layerc.toml": "",
    "notes.txt": "",
    "base/Layerfile": "FROM vm/ubuntu:18.04\nENV MODE=fast\n",
    "unit/Layerfile": "FROM ../base\nRUN make $MODE\n",
    "web/Layerfile": "FROM ../base\nWAIT ../unit\nCOPY ../notes.txt .\nRUN echo 😀 $MODE\nrun x\n",
}


PATIENCE_SECONDS = 60

# Both take most of a test's time when they are made for each anew.
client_capabilities = functools.cache(read_capabilities)
CONVERTER = default_converter()


def make_client():
    client = LanguageClient(converter_factory=lambda: CONVERTER)
    register_lsp_features(client)
    return client



class Watch:
    """Ends a conversation that has come to a stop, and tells where each side stood.

    Without it a side that waits for ever is a run that is killed after ten minutes and tells nothing.
    """

    def __init__(self, client):
        self.client = client
        self.said = collections.deque(maxlen=20)
        send, handle = client.protocol._send_data, client.protocol.handle_message
        client.protocol._send_data = lambda data: (self.note("client", data), send(data))[1]
        client.protocol.handle_message = lambda message: (self.note("server", message), handle(message))[1]
        self.alarm = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.tell)

    def note(self, side, message):
        self.said.append(f"{side}: {str(message)[:160]}")

    def tell(self):
        server = self.client._server
        print(f"no end after {PATIENCE_SECONDS} s; the last of what was said:", *self.said, sep="\n  ", file=sys.stderr)
        for thread in sorted(pathlib.Path(f"/proc/{server.pid}/task").glob("*")):
            name, state = (thread / "comm").read_text().strip(), (thread / "stat").read_text().rsplit(") ")[1][0]
            print(f"server thread {name}: {state}", file=sys.stderr)
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stderr)
        # Nobody says goodbye to a server that is gone.
        self.client.error = TimeoutError("the conversation has come to a stop")
        if server.returncode is None:
            server.kill()
        for task in asyncio.all_tasks():
            task.cancel("the conversation has come to a stop")

    def end(self):
        self.alarm.cancel()


@pytest_lsp.fixture(
    params=PROFILES,
    config=ClientServerConfig(server_command=[os.environ["LAYERC"], "lsp"], client_factory=make_client),
)
async def client(request, lsp_client: LanguageClient, tmp_path_factory):
    watch = Watch(lsp_client)
    root = tmp_path_factory.mktemp("repository")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    # The real editors answer these; the library that plays them leaves that to its user.
    for method in (types.WORKSPACE_INLAY_HINT_REFRESH, types.WORKSPACE_CODE_LENS_REFRESH):
        lsp_client.feature(method)(lambda *_: None)
    lsp_client.root = root
    lsp_client.profile = request.param
    capabilities = client_capabilities(request.param)
    lsp_client.greeting = await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            root_uri=root.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name="test")],
        )
    )
    lsp_client.uri = (root / "web/Layerfile").as_uri()
    lsp_client.text_document_did_open(
        types.DidOpenTextDocumentParams(
            text_document=types.TextDocumentItem(
                uri=lsp_client.uri, language_id="layerfile", version=1, text=FILES["web/Layerfile"]
            )
        )
    )
    yield
    await lsp_client.shutdown_session()
    watch.end()


def document(client):
    return types.TextDocumentIdentifier(uri=client.uri)


def at(client, line, character):
    return {"text_document": document(client), "position": types.Position(line=line, character=character)}


def column(client, text):
    """Where a text ends in the units that client and server agreed on."""
    encoding = client.greeting.capabilities.position_encoding
    return len(text.encode()) if encoding == "utf-8" else len(text.encode("utf-16-le")) // 2


async def found(client, codes):
    """Findings of the server in the open document, sent or asked for, once they are these.

    Those of ShellCheck come when it is done, where it is installed: what includes them may be true for a moment only.
    """
    if client.greeting.capabilities.diagnostic_provider:
        report = await client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(text_document=document(client))
        )
        return [item for item in report.items if item.source == "layerc"]
    while True:
        items = [item for item in client.diagnostics.get(client.uri, []) if item.source == "layerc"]
        if [item.code for item in items] == codes:
            return items
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)


@pytest.mark.asyncio
async def test_diagnostics_follow_edits(client):
    items = await found(client, ["LF0011"])
    assert [item.code for item in items] == ["LF0011"]
    end = types.Position(line=5, character=0)
    start = types.Position(line=4, character=0)
    change = types.TextDocumentContentChangePartial(range=types.Range(start=start, end=end), text="RUN y\n")
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=client.uri, version=2),
            content_changes=[change],
        )
    )
    assert not await found(client, [])


@pytest.mark.asyncio
async def test_places_are_counted_alike(client):
    character = column(client, "RUN echo 😀 $MO")
    hover = await client.text_document_hover_async(types.HoverParams(**at(client, 3, character)))
    assert "base/Layerfile:2" in hover.contents.value
    assert hover.range.start.character == column(client, "RUN echo 😀 $")
    highlights = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(**at(client, 3, character))
    )
    assert len(highlights) == 1


@pytest.mark.asyncio
async def test_definitions_take_the_form_that_is_understood(client):
    definition = await client.text_document_definition_async(types.DefinitionParams(**at(client, 0, 7)))
    abilities = client_capabilities(client.profile).text_document.definition
    understands_links = bool(abilities and abilities.link_support)
    assert isinstance(definition[0], types.LocationLink) == understands_links
    target = definition[0].target_uri if understands_links else definition[0].uri
    assert target == (client.root / "base/Layerfile").as_uri()


@pytest.mark.asyncio
async def test_outlines_take_the_form_that_is_understood(client):
    symbols = await client.text_document_document_symbol_async(
        types.DocumentSymbolParams(text_document=document(client))
    )
    abilities = client_capabilities(client.profile).text_document.document_symbol
    understands_trees = bool(abilities and abilities.hierarchical_document_symbol_support)
    assert isinstance(symbols[0], types.DocumentSymbol) == understands_trees
    assert symbols[0].name == "FROM ../base"


@pytest.mark.asyncio
async def test_completion_has_snippets_where_they_are_understood(client):
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=client.uri, version=3),
            content_changes=[types.TextDocumentContentChangeWholeDocument(text="FROM ../base\nCOP")],
        )
    )
    answer = await client.text_document_completion_async(types.CompletionParams(**at(client, 1, 3)))
    copy = next(item for item in answer.items if item.label == "COPY")
    item = client_capabilities(client.profile).text_document.completion.completion_item
    understands_snippets = bool(item and item.snippet_support)
    assert ("${1:" in copy.text_edit.new_text) == understands_snippets


@pytest.mark.asyncio
async def test_renames_reach_every_file(client):
    character = column(client, "RUN echo 😀 $MO")
    edit = await client.text_document_rename_async(
        types.RenameParams(**at(client, 3, character), new_name="SPEED")
    )
    workspace = client_capabilities(client.profile).workspace
    abilities = workspace.workspace_edit if workspace else None
    if abilities and abilities.document_changes:
        names = [change.text_document.uri for change in edit.document_changes]
    else:
        names = list(edit.changes)
    assert sorted(names) == [(client.root / f"{name}/Layerfile").as_uri() for name in ("base", "unit", "web")]


@pytest.mark.asyncio
async def test_layers_are_renamed_with_their_directories_or_not_at_all(client):
    workspace = client_capabilities(client.profile).workspace
    abilities = workspace.workspace_edit if workspace else None
    renaming = client.text_document_rename_async(types.RenameParams(**at(client, 0, 9), new_name="core"))
    if abilities and types.ResourceOperationKind.Rename in (abilities.resource_operations or []):
        edit = await renaming
        assert any(isinstance(change, types.RenameFile) for change in edit.document_changes)
    else:
        with pytest.raises(JsonRpcException, match="moves no files"):
            await renaming


@pytest.mark.asyncio
async def test_actions_fix_and_silence(client):
    whole = types.Range(start=types.Position(line=0, character=0), end=types.Position(line=9, character=0))
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=document(client), range=whole, context=types.CodeActionContext(diagnostics=[])
        )
    )
    assert any(action.is_preferred for action in actions)
    assert any(action.kind == "source.fixAll.layerc" for action in actions)


@pytest.mark.asyncio
async def test_the_rest_answers(client):
    about = {"text_document": document(client)}
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(**about))
    assert len(tokens.data) % 5 == 0 and tokens.data
    assert await client.text_document_document_link_async(types.DocumentLinkParams(**about))
    assert await client.text_document_code_lens_async(types.CodeLensParams(**about))
    assert not await client.text_document_folding_range_async(types.FoldingRangeParams(**about))
    layers = await client.workspace_symbol_async(types.WorkspaceSymbolParams(query="unit"))
    assert [layer.name for layer in layers] == ["unit"]
    items = await client.text_document_prepare_call_hierarchy_async(
        types.CallHierarchyPrepareParams(**at(client, 0, 1))
    )
    calls = await client.call_hierarchy_outgoing_calls_async(
        types.CallHierarchyOutgoingCallsParams(item=items[0])
    )
    assert [call.to.name for call in calls] == ["unit"]
