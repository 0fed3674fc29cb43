"""Retrieval heads of any Hugging Face causal language model, read as in the QRHead paper.

Source: Zhang, Yin, Yen, Chen, Ye: "Query-Focused Retrieval Heads Improve Long-Context Reasoning and Re-ranking",
EMNLP 2025 (arXiv 2506.09944), and its code (github.com/princeton-pli/QRHead); both build on in-context re-ranking
(Chen, Gutiérrez, Su 2024, arXiv 2410.02642; github.com/OSU-NLP-Group/In-Context-Reranking).

The method: a prompt with the documents first and the query last. For each chosen head, the softmax attention that the
rows from the late instruction to the end of the prompt pay to each token is averaged over these rows; the same for the
query "N/A", on the documents' cached keys, is subtracted; the heads are summed. Of each document the tokens at or under
its mean - 2 standard deviations (with n - 1) are left out, and the others are summed. A document's tokens include its
number, "[1] ".

Where this differs from the official code, on purpose:

- `scorer.QRHeadScorer` takes any model that computes its attention through transformers' attention interface, with its
  own scaling, soft cap, sinks and sliding window, where the official code has rewritten models of three families.
- The attention of the chosen heads is computed in float32 and row by row of the query alone; keys of the documents are
  made once for any number of queries, in chunks; layers behind the last chosen head are not run at all.
- A document is found in the prompt by its place, not by searching for its text, so equal documents are told apart.
- What a document holds of the tokenizer's special tokens is defused, so that a text cannot close its own prompt.
- A document of one token keeps it (its standard deviation is 0, not undefined).
- Contexts beyond the window are scored in overlapping parts. Softmax shares attention out within a part, so scores of
  different parts compare only roughly; parts are made of about equal size for that reason.
- A score divided by the number of tokens is an option (`length_normalized`); the paper sums.

Nothing here is trained by us or measured on real models: the tests prove that the arithmetic is that of the models'
own eager attention.
"""
