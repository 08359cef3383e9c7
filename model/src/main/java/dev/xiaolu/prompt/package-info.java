/// Conversations as the text and the tokens that a DeepSeek-V4 model was taught to read, and its completions taken apart again.
///
/// [ConversationReader] makes [Message]s of JSON, [PromptEncoder] a [Prompt] of messages, [PromptTokens] token ids of a prompt, and [CompletionParser] takes
/// what the model wrote, in pieces as it comes, apart into reasoning, answer and tool calls. The long texts that models are told about tools are not part of
/// this program: [PromptTemplates] reads them from the file that ships beside published weights.
package dev.xiaolu.prompt;
