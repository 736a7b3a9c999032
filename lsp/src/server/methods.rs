//! Every method of the protocol, each a few lines: notes for the scribe, or a feature on a snapshot.
//!
//! Size: the library wants all methods in one place.

use super::backend::Backend;
use super::edits::Lack;
use super::errands::Errand;
use super::tokens::Painted;
use super::{adapt, capabilities, configuration, edits, files, parent};
use crate::features::references::Definitions;
use crate::features::rename::Reach;
use crate::features::{
    code_actions, code_lens, commands, completion, folding, formatting, hierarchy, hover,
    inlay_hints, links, navigation, pull, references, rename, selection, semantic_tokens,
    signature, symbols,
};
use crate::workspace::{FileView, uri};
use ls_types::request::{
    GotoDeclarationParams, GotoDeclarationResponse, GotoImplementationParams,
    GotoImplementationResponse, GotoTypeDefinitionParams, GotoTypeDefinitionResponse,
};
use ls_types::{
    CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
    CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams,
    CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse,
    CodeActionTriggerKind, CodeLens, CodeLensParams, CompletionItem, CompletionParams,
    CompletionResponse, CreateFilesParams, DeleteFilesParams, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentDiagnosticParams, DocumentDiagnosticReportResult, DocumentFormattingParams,
    DocumentHighlight, DocumentHighlightParams, DocumentLink, DocumentLinkParams,
    DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, DocumentSymbolParams,
    DocumentSymbolResponse, ExecuteCommandParams, FoldingRange, FoldingRangeParams,
    GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams, InitializeParams,
    InitializeResult, InitializedParams, InlayHint, InlayHintParams, LSPAny,
    LinkedEditingRangeParams, LinkedEditingRanges, Location, LocationLink, Position,
    PrepareRenameResponse, Range, ReferenceParams, RenameFilesParams, RenameParams, SelectionRange,
    SelectionRangeParams, SemanticTokens, SemanticTokensDeltaParams, SemanticTokensFullDeltaResult,
    SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult,
    SemanticTokensResult, SignatureHelp, SignatureHelpParams, TextDocumentPositionParams, TextEdit,
    TypeHierarchyItem, TypeHierarchyPrepareParams, TypeHierarchySubtypesParams,
    TypeHierarchySupertypesParams, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
    WorkspaceEdit, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use std::path::PathBuf;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::{Error, Result};

/// Finds the places that a word leads to.
type Finder = fn(FileView<'_>, Position) -> Vec<LocationLink>;

impl Backend {
    async fn lead(
        &self,
        place: TextDocumentPositionParams,
        find: Finder,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let found = self.at(place, move |view, position| Some(find(view, position))).await?;
        let greeting = self.greeting()?;
        Ok(found.and_then(|links| adapt::places(greeting, links)))
    }

    fn adapted(&self, edit: Option<WorkspaceEdit>) -> Result<Option<WorkspaceEdit>> {
        let greeting = self.greeting()?;
        let adapted = edit.map(|edit| edits::edit(greeting, edit)).transpose();
        adapted.map_err(|lack| Error::invalid_params(lack.words()))
    }

    fn disk_changed<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let paths = names.filter_map(|name| uri::path_of(&name.parse().ok()?));
        let paths: Vec<PathBuf> = paths.collect();
        self.scribe.change(move |state| state.disk_changed(&paths));
    }
}

/// The actions that a client wants. One that only looks whether to show a light while the cursor moves gets no refactorings,
/// which have to be proven.
fn wanted_actions(range: Range, context: CodeActionContext) -> code_actions::Wanted {
    let automatic = context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
    let light = || vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE];
    let only = context.only.or_else(|| automatic.then(light));
    let findings = context.diagnostics.into_iter().map(|finding| finding.range).collect();
    let reach = if automatic { code_actions::Reach::Range } else { code_actions::Reach::Line };
    code_actions::Wanted { range, findings, reach, only }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let greeting = self.greet(params);
        let encoding = greeting.encoding();
        self.scribe.change(move |state| state.agree_on(encoding));
        if let Some(options) = greeting.options() {
            configuration::pushed(&self.scribe, options);
        }
        self.trace.set(greeting.trace());
        if let Some(process) = greeting.process() {
            parent::watch(process, &self.handle, std::sync::Arc::clone(&self.leave));
        }
        for folder in greeting.folders() {
            self.scribe.change(move |state| state.add_folder(&folder));
        }
        Ok(capabilities::answer(greeting))
    }

    async fn initialized(&self, _: InitializedParams) {
        self.speak();
        self.watch_roots();
        self.send_out(Errand::Begin);
    }

    async fn shutdown(&self) -> Result<()> {
        self.publisher.hush();
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let opened = params.text_document;
        self.scribe.change(move |state| state.open(opened.uri, opened.version, opened.text));
        self.watch_roots();
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let (name, changes) = (params.text_document, params.content_changes);
        self.scribe.change(move |state| state.change(&name.uri, name.version, &changes));
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.disk_changed(std::iter::once(params.text_document.uri.as_str()));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        self.sent_tokens.forget(&uri);
        self.scribe.change(move |state| state.close(&uri));
        self.watch_roots();
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        configuration::pushed(&self.scribe, &params.settings);
        self.send_out(Errand::Settings);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let event = params.event;
        self.scribe.change(move |state| {
            for folder in event.added.iter().filter_map(|folder| uri::path_of(&folder.uri)) {
                state.add_folder(&folder);
            }
            for folder in event.removed.iter().filter_map(|folder| uri::path_of(&folder.uri)) {
                state.remove_folder(&folder);
            }
        });
        self.watch_roots();
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.disk_changed(params.changes.iter().map(|change| change.uri.as_str()));
    }

    async fn did_create_files(&self, params: CreateFilesParams) {
        self.disk_changed(params.files.iter().map(|file| file.uri.as_str()));
    }

    async fn did_rename_files(&self, params: RenameFilesParams) {
        let names = params.files.iter().flat_map(|file| [&file.old_uri, &file.new_uri]);
        self.disk_changed(names.map(String::as_str));
    }

    async fn did_delete_files(&self, params: DeleteFilesParams) {
        self.disk_changed(params.files.iter().map(|file| file.uri.as_str()));
    }

    async fn will_create_files(&self, params: CreateFilesParams) -> Result<Option<WorkspaceEdit>> {
        let edit = self.answer(move |snapshot| {
            files::created(snapshot, params.files.iter().map(|file| file.uri.as_str()))
        });
        self.adapted(edit.await?)
    }

    async fn will_rename_files(&self, params: RenameFilesParams) -> Result<Option<WorkspaceEdit>> {
        let edit = self.answer(move |snapshot| files::renamed(snapshot, &params.files));
        self.adapted(edit.await?)
    }

    async fn will_delete_files(&self, params: DeleteFilesParams) -> Result<Option<WorkspaceEdit>> {
        let edit = self.answer(move |snapshot| {
            files::deleted(snapshot, params.files.iter().map(|file| file.uri.as_str()))
        });
        self.adapted(edit.await?)
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let (uri, known) = (params.text_document.uri, params.previous_result_id);
        self.answer(move |snapshot| pull::document(snapshot, &uri, known.as_deref())).await
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        self.answer(move |snapshot| pull::workspace(snapshot, params.previous_result_ids)).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let hover = self.at(params.text_document_position_params, hover::hover).await?;
        let greeting = self.greeting()?;
        Ok(hover.map(|hover| adapt::hover(greeting, hover)))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let snippets = self.greeting()?.snippets();
        let list = self.at(params.text_document_position, move |view, position| {
            Some(completion::complete(view, position, snippets))
        });
        Ok(list.await?.map(CompletionResponse::List))
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        self.answer(move |snapshot| completion::resolve(snapshot, item)).await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        self.at(params.text_document_position_params, signature::signature).await
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        self.lead(params.text_document_position_params, navigation::definition).await
    }

    async fn goto_declaration(
        &self,
        params: GotoDeclarationParams,
    ) -> Result<Option<GotoDeclarationResponse>> {
        self.lead(params.text_document_position_params, navigation::definition).await
    }

    async fn goto_type_definition(
        &self,
        params: GotoTypeDefinitionParams,
    ) -> Result<Option<GotoTypeDefinitionResponse>> {
        self.lead(params.text_document_position_params, navigation::type_definition).await
    }

    async fn goto_implementation(
        &self,
        params: GotoImplementationParams,
    ) -> Result<Option<GotoImplementationResponse>> {
        self.lead(params.text_document_position_params, navigation::implementation).await
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let definitions = if params.context.include_declaration {
            Definitions::Included
        } else {
            Definitions::LeftOut
        };
        self.at(params.text_document_position, move |view, position| {
            Some(references::references(view, position, definitions))
        })
        .await
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        self.at(params.text_document_position_params, |view, position| {
            Some(references::highlight(view, position))
        })
        .await
    }

    async fn linked_editing_range(
        &self,
        params: LinkedEditingRangeParams,
    ) -> Result<Option<LinkedEditingRanges>> {
        self.at(params.text_document_position_params, references::linked_editing).await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let prepared = self.at(params, rename::prepare).await?;
        // Said before a name is asked for.
        match (&prepared, Lack::of_moving(self.greeting()?)) {
            (Some((_, Reach::Directory)), Some(lack)) => Err(Error::invalid_params(lack.words())),
            _ => Ok(prepared.map(|(response, _)| response)),
        }
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let renamed = self.at(params.text_document_position, move |view, position| {
            Some(rename::rename(view, position, &params.new_name))
        });
        match renamed.await? {
            Some(Ok(edit)) => self.adapted(edit),
            Some(Err(refusal)) => Err(Error::invalid_params(refusal)),
            None => Ok(None),
        }
    }

    async fn document_symbol(
        &self,
        params: DocumentSymbolParams,
    ) -> Result<Option<DocumentSymbolResponse>> {
        let uri = params.text_document.uri;
        let symbols = self.about(uri.clone(), symbols::document).await?;
        let greeting = self.greeting()?;
        Ok(symbols.map(|symbols| adapt::outline(greeting, &uri, symbols)))
    }

    async fn symbol(
        &self,
        params: WorkspaceSymbolParams,
    ) -> Result<Option<WorkspaceSymbolResponse>> {
        let found = self.answer(move |snapshot| symbols::workspace(snapshot, &params.query));
        Ok(Some(WorkspaceSymbolResponse::Nested(found.await?)))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let wanted = wanted_actions(params.range, params.context);
        let actions =
            self.about(params.text_document.uri, move |view| code_actions::actions(view, &wanted));
        let (actions, greeting) = (actions.await?, self.greeting()?);
        let adapted = |action| edits::action(greeting, action).map(CodeActionOrCommand::CodeAction);
        Ok(actions.map(|actions| actions.into_iter().filter_map(adapted).collect()))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let commands = self.greeting()?.commands();
        let lenses = move |view: FileView<'_>| code_lens::lenses(view, &commands);
        self.about(params.text_document.uri, lenses).await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let links = self.about(params.text_document.uri, links::links).await?;
        let greeting = self.greeting()?;
        Ok(links.map(|links| adapt::links(greeting, links)))
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.about(params.text_document.uri, folding::folding).await
    }

    async fn selection_range(
        &self,
        params: SelectionRangeParams,
    ) -> Result<Option<Vec<SelectionRange>>> {
        let positions = params.positions;
        let selected = move |view: FileView<'_>| selection::selection(view, &positions);
        self.about(params.text_document.uri, selected).await
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        let uri = params.text_document.uri;
        let painted = self.about(uri.clone(), |view| Painted::of(view, None)).await?;
        Ok(painted
            .map(|painted| SemanticTokensResult::Tokens(self.sent_tokens.whole(uri, painted))))
    }

    async fn semantic_tokens_full_delta(
        &self,
        params: SemanticTokensDeltaParams,
    ) -> Result<Option<SemanticTokensFullDeltaResult>> {
        let (uri, known) = (params.text_document.uri, params.previous_result_id);
        let before = self.sent_tokens.last(&uri);
        let paint = move |view: FileView<'_>| Painted::of(view, before.as_ref());
        let painted = self.about(uri.clone(), paint).await?;
        Ok(painted.map(|painted| self.sent_tokens.changed(uri, &known, painted)))
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let range = params.range;
        let tokens = self.about(params.text_document.uri, move |view| {
            let data = semantic_tokens::range(view, range);
            SemanticTokensRangeResult::Tokens(SemanticTokens { result_id: None, data })
        });
        tokens.await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let range = params.range;
        self.about(params.text_document.uri, move |view| inlay_hints::hints(view, range)).await
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        self.about(params.text_document.uri, formatting::whole).await
    }

    async fn range_formatting(
        &self,
        params: DocumentRangeFormattingParams,
    ) -> Result<Option<Vec<TextEdit>>> {
        let ranges = [params.range];
        self.about(params.text_document.uri, move |view| formatting::ranges(view, &ranges)).await
    }

    async fn on_type_formatting(
        &self,
        params: DocumentOnTypeFormattingParams,
    ) -> Result<Option<Vec<TextEdit>>> {
        self.at(params.text_document_position, |view, position| {
            Some(formatting::on_type(view, position))
        })
        .await
    }

    async fn prepare_type_hierarchy(
        &self,
        params: TypeHierarchyPrepareParams,
    ) -> Result<Option<Vec<TypeHierarchyItem>>> {
        self.at(params.text_document_position_params, hierarchy::prepare_types).await
    }

    async fn supertypes(
        &self,
        params: TypeHierarchySupertypesParams,
    ) -> Result<Option<Vec<TypeHierarchyItem>>> {
        self.answer(move |snapshot| hierarchy::supertypes(snapshot, &params.item.uri)).await
    }

    async fn subtypes(
        &self,
        params: TypeHierarchySubtypesParams,
    ) -> Result<Option<Vec<TypeHierarchyItem>>> {
        self.answer(move |snapshot| hierarchy::subtypes(snapshot, &params.item.uri)).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        self.at(params.text_document_position_params, hierarchy::prepare_calls).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        self.answer(move |snapshot| hierarchy::incoming(snapshot, &params.item.uri)).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        self.answer(move |snapshot| hierarchy::outgoing(snapshot, &params.item.uri)).await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        if params.command == commands::SHOW_COPY {
            self.show_copy(&params.arguments);
        }
        self.answer(move |snapshot| {
            Some(commands::execute(snapshot, &params.command, &params.arguments))
        })
        .await
    }
}
