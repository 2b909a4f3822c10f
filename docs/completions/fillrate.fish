# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fillrate_global_optspecs
    string join \n format= o/output= device= threads= q/quiet v/verbose config= h/help V/version
end

function __fish_fillrate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fillrate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fillrate_using_subcommand
    set -l cmd (__fish_fillrate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fillrate -n "__fish_fillrate_needs_command" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_needs_command" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_needs_command" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_needs_command" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_needs_command" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_needs_command" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_needs_command" -s V -l version -d 'Print version'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "score" -d 'Score the sentiment of each text in a table'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "compare" -d 'Run several models over one labelled table and set them side by side'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "profile" -d 'Measure a model on this machine: load time, latency, throughput, memory'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "waves" -d 'Find Elliott waves in prices: every impulse and correction, exactly'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "plan" -d 'Plan the memory of a training run, and write what fits into its configuration'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "bench" -d 'Run a benchmark on this machine'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "indicators" -d 'Compute indicators and signals over a price panel'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "montecarlo" -d 'Simulate where prices go: means, quantiles and paths'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "options" -d 'Price options and their Greeks, or find the volatility that a price implies'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "risk" -d 'Measure the risk of symbols and of their portfolio: VaR, CVaR, drawdown, Sharpe, Sortino'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "portfolio" -d 'Find the weights of a portfolio that are best by an objective'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "backtest" -d 'Backtest a strategy with every parameter set of a grid'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "doctor" -d 'Say what is here, what Fillrate will use and why, and what is missing'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "models" -d 'List, show, pull and verify models'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "completions" -d 'Print a completion script for your shell'
complete -c fillrate -n "__fish_fillrate_needs_command" -f -a "generate" -d 'Write a generated file of the documentation to standard output'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l model -d 'A registered model, or a directory with config.json, model.safetensors and a tokenizer [default: news-mini]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l text-column -d 'The column that holds the text [default: the first of text, title, headline]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l precision -d 'The type the encoder computes in [default: auto, int8 if the model is, else bf16 or fp32; never fp8]' -r -f -a "auto\t'int8 for a model that ships int8, else bf16 where the processor has it, else fp32'
fp32\t'32-bit floating point'
bf16\t'16-bit brain floating point, summed in 32 bits'
fp16\t'16-bit floating point; on GPUs only'
int8\t'8-bit integers, scaled per token and per channel'
fp8\t'8-bit floating point, if the model\'s answers bear it; on GPUs from Ada and Hopper on'"
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l batch-tokens -d 'Tokens in one batch: a number or auto [default: auto, from memory and measured speed]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l mode -d 'What to favour when batching [default: throughput]' -r -f -a "throughput\t'Fill every batch'
latency\t'Wait only a bounded time for a batch to fill'
memory\t'Use the smallest scratch memory'"
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l memory-fraction -d 'The share of a GPU\'s free memory to use at most, above 0 and at most 1 [default: 0.9]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l gpu-streams -d 'Streams of a GPU that batches take turns on, each with memory of its own [default: 2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l fallback -d 'The model to go on with if the one asked for cannot be loaded; records then say degraded' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l reserve -d 'Take that share of a GPU\'s memory at once, so that others cannot'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l release-idle -d 'Give the memory of passes back to a GPU when no text came for some ten seconds'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l timings -d 'Say on stderr at the end where the time went, and what the GPU had of the work'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l no-dedupe -d 'Compute every text, also those that are equal to another one'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -l raw -d 'Add the model\'s own logits and labels to each record'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand score" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l models -d 'Registered models or directories, one after the other; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l label -d 'The column that holds the labels' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l text-column -d 'The column that holds the text [default: the first of text, title, headline]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l precision -d 'The type the encoder computes in [default: auto, int8 if the model is, else bf16 or fp32; never fp8]' -r -f -a "auto\t'int8 for a model that ships int8, else bf16 where the processor has it, else fp32'
fp32\t'32-bit floating point'
bf16\t'16-bit brain floating point, summed in 32 bits'
fp16\t'16-bit floating point; on GPUs only'
int8\t'8-bit integers, scaled per token and per channel'
fp8\t'8-bit floating point, if the model\'s answers bear it; on GPUs from Ada and Hopper on'"
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l batch-tokens -d 'Tokens in one batch: a number or auto [default: auto, from memory and measured speed]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l mode -d 'What to favour when batching [default: throughput]' -r -f -a "throughput\t'Fill every batch'
latency\t'Wait only a bounded time for a batch to fill'
memory\t'Use the smallest scratch memory'"
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l memory-fraction -d 'The share of a GPU\'s free memory to use at most, above 0 and at most 1 [default: 0.9]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l gpu-streams -d 'Streams of a GPU that batches take turns on, each with memory of its own [default: 2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l together -d 'Then load all models at once and let them score together, each on streams of its own'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l reserve -d 'Take that share of a GPU\'s memory at once, so that others cannot'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -l release-idle -d 'Give the memory of passes back to a GPU when no text came for some ten seconds'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l model -d 'A registered model, or a directory with config.json, model.safetensors and a tokenizer [default: news-mini]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l precision -d 'The type the encoder computes in [default: auto, int8 if the model is, else bf16 or fp32; never fp8]' -r -f -a "auto\t'int8 for a model that ships int8, else bf16 where the processor has it, else fp32'
fp32\t'32-bit floating point'
bf16\t'16-bit brain floating point, summed in 32 bits'
fp16\t'16-bit floating point; on GPUs only'
int8\t'8-bit integers, scaled per token and per channel'
fp8\t'8-bit floating point, if the model\'s answers bear it; on GPUs from Ada and Hopper on'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l batch-tokens -d 'Tokens in one batch: a number or auto [default: auto, from memory and measured speed]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l mode -d 'What to favour when batching [default: throughput]' -r -f -a "throughput\t'Fill every batch'
latency\t'Wait only a bounded time for a batch to fill'
memory\t'Use the smallest scratch memory'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l memory-fraction -d 'The share of a GPU\'s free memory to use at most, above 0 and at most 1 [default: 0.9]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l gpu-streams -d 'Streams of a GPU that batches take turns on, each with memory of its own [default: 2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l texts -d 'Measure on the different texts of this table [default: made-up headlines of 20 tokens or so]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l text-column -d 'The column of --texts that holds the text [default: the first of text, title, headline]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l input-format -d 'The format of --texts [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l on-error -d 'What to do with a malformed row of --texts [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l seconds -d 'Measure each figure for about this long; more is steadier [default: 1, for --kernels 0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l html -d 'Write the report also as a page for a browser, with charts' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l llm -d 'Measure this server instead: Ollama\'s or an OpenAI-compatible one\'s address, with or without /v1' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l llm-model -d 'The model\'s name on the server' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l llm-api -d 'The protocol it speaks [default: auto]' -r -f -a "auto\t'The one that the address names, or that the server is found to speak'
openai\t'/v1/chat/completions, as llama.cpp, vLLM and many others have it'
ollama\t'Ollama\'s own /api/chat'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l prompts -d 'What to ask: a prompt a line, or .csv or .jsonl with a column prompt, and system if you like [default: the sentiment of the example headlines]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l requests -d 'How many requests to time, after one that is not [default: 20]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l concurrency -d 'How many requests are under way at a time [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l max-tokens -d 'The most tokens of an answer [default: 128]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l timeout -d 'Give a request up when no connection or nothing more comes for so long, or after ten times as long in all [default: 60]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l reserve -d 'Take that share of a GPU\'s memory at once, so that others cannot'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l release-idle -d 'Give the memory of passes back to a GPU when no text came for some ten seconds'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -l kernels -d 'Measure no model but the matrix products of MiniLM and BERT-base, on one thread'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand profile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l pattern -d 'The patterns; may be given more than once [default: all]' -r -f -a "impulse\t'Five waves with the trend'
leading-diagonal\t'Five overlapping waves that begin a trend'
ending-diagonal\t'Five overlapping waves that end a trend'
zigzag\t'Three waves, the second shorter than the first'
flat\t'Three waves, the second about as long as the first or longer'
triangle\t'Five waves between two lines'
all\t'Every pattern'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l direction -d 'Where the first wave goes [default: both]' -r -f -a "up\t'The first wave rises'
down\t'The first wave falls'
both\t'Either'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l pivots -d 'What a pivot is: K, the highest or lowest of K bars to each side, or atr:M, a turn of M average true ranges [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l rules -d 'The rules: classic, strict, or a TOML file [default: classic]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l weights -d 'What each part of the score counts: fibonacci, rules, time, simplicity [default: fibonacci=0.4,rules=0.2,time=0.2,simplicity=0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l min-score -d 'Leave out patterns that score less [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l top -d 'The best N patterns of each symbol, over all that are asked for [default: 10]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l surrogates -d 'Repeat the search on N surrogates of each symbol, for p-values' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l surrogate-method -d 'How surrogates are made [default: block]' -r -f -a "block\t'Runs of bars, drawn with replacement'
fourier\t'The same returns in an order with the same spectrum'
gbm\t'Geometric Brownian motion with the same volatility'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l block -d 'The mean length of a block, in bars [default: the cube root of the number of bars]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l seed -d 'The seed of the surrogates [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l window -d 'Only patterns within windows of N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l window-overlap -d 'The share of a window that the next one covers too [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l max-windows -d 'Only the last N windows' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l max-starts -d 'Only the first N swing lows and N swing highs of each window begin patterns' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l min-volatility -d 'Leave out windows whose log returns deviate less per bar [default with --skip-flat: 0.001]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l pre-score-top -d 'Only the N windows of the highest pre-score' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l pre-score-weights -d 'What the pre-score counts [default: volatility=1,trend=1,pivots=1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l html -d 'Write a page with charts, rules and scores to FILE' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l svg -d 'Write a picture of each pattern into DIR' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l open-ends -d 'Let the first and the last bar be pivots'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l all -d 'All patterns of each symbol'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l skip-flat -d 'Leave out windows that hardly move'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l nest -d 'Write the best complete count instead: patterns, and below each those that its waves are'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l resume -d 'Go on with FILE of -o, a .jsonl file: skip the symbols that are in it. What FILE was made with stands beside it in FILE.run, and a run with other settings or prices is refused'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -l profile -d 'Say what each stage took'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and not __fish_seen_subcommand_from backtest" -a "backtest" -d 'Measure what followed past patterns, against random bars'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l pattern -d 'The patterns; may be given more than once [default: all]' -r -f -a "impulse\t'Five waves with the trend'
leading-diagonal\t'Five overlapping waves that begin a trend'
ending-diagonal\t'Five overlapping waves that end a trend'
zigzag\t'Three waves, the second shorter than the first'
flat\t'Three waves, the second about as long as the first or longer'
triangle\t'Five waves between two lines'
all\t'Every pattern'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l direction -d 'Where the first wave goes [default: both]' -r -f -a "up\t'The first wave rises'
down\t'The first wave falls'
both\t'Either'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l pivots -d 'What a pivot is: K, the highest or lowest of K bars to each side, or atr:M, a turn of M average true ranges [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l rules -d 'The rules: classic, strict, or a TOML file [default: classic]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l weights -d 'What each part of the score counts: fibonacci, rules, time, simplicity [default: fibonacci=0.4,rules=0.2,time=0.2,simplicity=0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l min-score -d 'Leave out patterns that score less [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l horizon -d 'Bars from entry to exit; may be given more than once [default: 5,10,20]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l seed -d 'The seed of the random bars [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -l open-ends -d 'Let the first and the last bar be pivots'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand waves; and __fish_seen_subcommand_from backtest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -f -a "show" -d 'Say where the memory goes as the configuration stands, and what to change'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -f -a "suggest" -d 'Find the settings that fit: the fastest, a balance, the smallest'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -f -a "apply" -d 'Show a suggestion as a diff, and write it with --write'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -f -a "restore" -d 'Put back what `apply --write` changed last'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and not __fish_seen_subcommand_from show suggest apply restore verify" -f -a "verify" -d 'Run a few steps in PyTorch and compare its memory with the estimate'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l config-format -d 'What kind of file it is [default: told from its content]' -r -f -a "hydra\t'A tree of Hydra\'s'
lightning\t'A file of Lightning\'s command line'
transformers\t'Hugging Face\'s training arguments'
axolotl\t'An Axolotl file'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l map -d 'Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l set -d 'Take this value, whatever the file says; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l gpu -d 'The GPU: auto (the one here), free (what is free on it now), a name such as a100-80gb, or its memory in GiB [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l margin -d 'The share of the memory to leave, from 0 up to 1 [default: 0.15 of what is free if that was measured, else 0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l reserve-gib -d 'Memory to leave at least, in GiB [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l calibration -d 'What runs on this GPU said of the estimates: a file that `plan verify --save` wrote' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l html -d 'Write a page for a browser, with a bar of memory for each stage' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l svg -d 'Write the bars as a picture' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -l explain -d 'Also print the formula of every part, with its numbers and its source'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l config-format -d 'What kind of file it is [default: told from its content]' -r -f -a "hydra\t'A tree of Hydra\'s'
lightning\t'A file of Lightning\'s command line'
transformers\t'Hugging Face\'s training arguments'
axolotl\t'An Axolotl file'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l map -d 'Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l set -d 'Take this value, whatever the file says; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l gpu -d 'The GPU: auto (the one here), free (what is free on it now), a name such as a100-80gb, or its memory in GiB [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l margin -d 'The share of the memory to leave, from 0 up to 1 [default: 0.15 of what is free if that was measured, else 0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l reserve-gib -d 'Memory to leave at least, in GiB [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l calibration -d 'What runs on this GPU said of the estimates: a file that `plan verify --save` wrote' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l effective-batch -d 'Rows of one optimizer step, over all GPUs [default: as many as now]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l axes -d 'What may change besides batch size and accumulation; may be given more than once' -r -f -a "checkpointing\t'Whether layers are computed again in the backward pass'
precision\t'The type of products'
length\t'The length of sequences'
negatives\t'The number of negatives'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l html -d 'Write a page for a browser, with a bar of memory for each stage' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l svg -d 'Write the bars as a picture' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from suggest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l config-format -d 'What kind of file it is [default: told from its content]' -r -f -a "hydra\t'A tree of Hydra\'s'
lightning\t'A file of Lightning\'s command line'
transformers\t'Hugging Face\'s training arguments'
axolotl\t'An Axolotl file'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l map -d 'Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l set -d 'Take this value, whatever the file says; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l gpu -d 'The GPU: auto (the one here), free (what is free on it now), a name such as a100-80gb, or its memory in GiB [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l margin -d 'The share of the memory to leave, from 0 up to 1 [default: 0.15 of what is free if that was measured, else 0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l reserve-gib -d 'Memory to leave at least, in GiB [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l calibration -d 'What runs on this GPU said of the estimates: a file that `plan verify --save` wrote' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l effective-batch -d 'Rows of one optimizer step, over all GPUs [default: as many as now]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l axes -d 'What may change besides batch size and accumulation; may be given more than once' -r -f -a "checkpointing\t'Whether layers are computed again in the backward pass'
precision\t'The type of products'
length\t'The length of sequences'
negatives\t'The number of negatives'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l suggestion -d 'Which suggestion, by its name [default: the first, for throughput]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -l write -d 'Write the files, not only the diff'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l config-format -d 'What kind of file it is [default: told from its content]' -r -f -a "hydra\t'A tree of Hydra\'s'
lightning\t'A file of Lightning\'s command line'
transformers\t'Hugging Face\'s training arguments'
axolotl\t'An Axolotl file'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l map -d 'Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l set -d 'Take this value, whatever the file says; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l config-format -d 'What kind of file it is [default: told from its content]' -r -f -a "hydra\t'A tree of Hydra\'s'
lightning\t'A file of Lightning\'s command line'
transformers\t'Hugging Face\'s training arguments'
axolotl\t'An Axolotl file'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l map -d 'Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l set -d 'Take this value, whatever the file says; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l gpu -d 'The GPU: auto (the one here), free (what is free on it now), a name such as a100-80gb, or its memory in GiB [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l margin -d 'The share of the memory to leave, from 0 up to 1 [default: 0.15 of what is free if that was measured, else 0.2]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l reserve-gib -d 'Memory to leave at least, in GiB [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l calibration -d 'What runs on this GPU said of the estimates: a file that `plan verify --save` wrote' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l torch -d 'The Python that has torch and transformers [default: python3]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l steps -d 'Optimizer steps of each run [default: 3]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l save -d 'Keep what the runs say of the estimates, for --calibration; needs a GPU' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand plan; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and not __fish_seen_subcommand_from memory" -f -a "memory" -d 'Compare the ways to divide a device\'s memory, on traces of what is asked of it'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -l trace -d 'Use this trace instead of the four that are made up' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand bench; and __fish_seen_subcommand_from memory" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l sma -d 'Simple moving average over N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l ema -d 'Exponential moving average, alpha 2/(N+1), seeded with the mean of the first N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l wma -d 'Linearly weighted moving average over N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l rsi -d 'Wilder\'s relative strength index over N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l bbands -d 'Bollinger bands over N bars at K population deviations' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l macd -d 'Moving average convergence and divergence: fast, slow and signal lengths' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l atr -d 'Wilder\'s average true range over N bars, of high, low and close' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l momentum -d 'Momentum: the change over N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l roc -d 'Rate of change: the change over N bars as a ratio, 0.01 for 1 %' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l zscore -d 'Distance from the mean of N bars in population deviations' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l std -d 'Population standard deviation over N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l min -d 'Least value of N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l max -d 'Greatest value of N bars' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l stoch -d 'Stochastic of high, low and close: window and the lengths of its two means' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l signal -d 'A signal: ma-crossover, rsi, bollinger, momentum, zscore or swing' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l column -d 'The column that single series are taken from: open, high, low, close, volume or adj_close [default: close]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l min-periods -d 'Let windows (sma, wma, bbands, zscore, std, min, max, stoch) answer from so many bars on, before they are full [default: full windows]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand indicators" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l spot -d 'The price at the start' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l drift -d 'The drift of the expectation per year, 0.05 for 5 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l vol -d 'The volatility per year, 0.2 for 20 %' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l expiry -d 'The end of the paths, in years' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l steps -d 'The steps of a path [default: 252]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l paths -d 'The number of paths [default: 100000]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l seed -d 'Where the random numbers come from [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l model -d 'How the price moves: gbm, merton or heston [default: gbm]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l jumps-per-year -d 'merton: how many jumps are expected per year [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l jump-mean -d 'merton: the mean of a jump of the logarithm [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l jump-vol -d 'merton: the deviation of a jump of the logarithm [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l reversion -d 'heston: how fast the variance is pulled to its mean, per year [default: 1]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l variance-mean -d 'heston: the mean of the variance [default: vol * vol]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l variance-vol -d 'heston: the volatility of the variance [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l correlation -d 'heston: the correlation of price and variance [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l basket -d 'Simulate the basket of this table: a .csv, .jsonl or .parquet file, or - for standard input' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l paths-out -d 'Write the paths to this .parquet, .csv or .jsonl file' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -l antithetic -d 'Let every second path be the mirror image of another'
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand montecarlo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -f -a "price" -d 'Price options and their Greeks, from flags or from a table'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and not __fish_seen_subcommand_from price iv" -f -a "iv" -d 'Find the volatility that a European option\'s price implies'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l kind -d 'What the option pays: european, american, asian-geometric, asian-arithmetic or barrier [default: european]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l right -d 'call or put' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l spot -d 'The price of the underlying' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l strike -d 'The strike' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l rate -d 'The continuous rate per year, 0.05 for 5 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l yield -d 'The continuous dividend yield per year [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l expiry -d 'The time to expiry in years' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l vol -d 'The volatility per year, 0.2 for 20 %' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l barrier -d 'The price at which the barrier lies' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l barrier-kind -d 'Where the barrier lies and what it does: down-out, down-in, up-out or up-in' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l rebate -d 'What a knock-out pays when it is hit, or a knock-in at expiry if it never was [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l fixings -d 'At how many equally spaced moments the mean is taken [default: at all; arithmetic: 252]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l method -d 'How to price: closed-form, spectral, binomial or monte-carlo [default: by kind, see below]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l paths -d 'The paths of a simulation, an even number [default: 100000]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l seed -d 'Where a simulation\'s random numbers come from [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l steps -d 'The steps of a tree, or of paths beside a barrier [default: 1001; 64]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from price" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l price -d 'The price of the option' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l right -d 'call or put' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l spot -d 'The price of the underlying' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l strike -d 'The strike' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l rate -d 'The continuous rate per year, 0.05 for 5 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l yield -d 'The continuous dividend yield per year [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l expiry -d 'The time to expiry in years' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand options; and __fish_seen_subcommand_from iv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l confidence -d 'The confidence of VaR and CVaR, between 0 and 1 [default: 0.95]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l method -d 'How VaR and CVaR are modelled: historical, parametric or cornish-fisher [default: historical]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l risk-free -d 'The yearly rate without risk, 0.04 for 4 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l benchmark -d 'The symbol that beta and correlation refer to [default: the portfolio of all]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l column -d 'The column of prices: open, high, low, close or adj_close [default: close]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -l log-returns -d 'Take logarithmic returns, not simple ones'
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand risk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l objective -d 'What is best: min-variance, max-sharpe, target-return, risk-parity or min-cvar' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l confidence -d 'The confidence of min-cvar, between 0 and 1 [default: 0.95]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l covariance -d 'How the covariance is estimated: sample, ewma or ledoit-wolf [default: sample]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l decay -d 'The weight of what was before in ewma, from 0 to below 1 [default: 0.94]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l bounds -d 'The least and the most weight, of all symbols or of one; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l group -d 'The least and the most weight of some symbols together; may be given more than once' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l turnover -d 'The most that the weights\' absolute changes from --current sum to' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l current -d 'The weights of now; a symbol that is not named has none' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l leverage -d 'The most that the weights\' absolute values sum to' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l target-return -d 'The least mean return per year, 0.1 for 10 %' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l risk-free -d 'The yearly rate without risk, 0.04 for 4 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l column -d 'The column of prices: open, high, low, close or adj_close [default: close]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l frontier -d 'The efficient frontier in so many portfolios, of min-variance or min-cvar' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l walk-forward -d 'Find weights on some returns, hold them over the next, and go on by as many' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -l long-only -d 'Sell nothing short: weights from 0 to 1'
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand portfolio" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l input-format -d 'The format of the input [default: from its extension]' -r -f -a "csv\t'Comma-separated values with a header'
jsonl\t'One JSON object per line'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l on-error -d 'What to do with a malformed row [default: stop]' -r -f -a "stop\t'Stop at the first and say where it is'
skip\t'Leave the row out, count it and report it on stderr'"
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l strategy -d 'What trades: ma-crossover, rsi, bollinger or momentum' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l grid -d 'The parameters to try, as fast=5:50:5,slow=20:200:10 [default: the customary ones]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l fee -d 'The fee, as a fraction of what is bought or sold [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l slippage -d 'How much worse than the price an order is filled, as a fraction [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l positions -d 'What an account may hold [default: long]' -r -f -a "long\t'Shares or nothing'
long-short\t'Shares, nothing, or shares sold short'"
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l fill -d 'When an order is filled [default: next-open]' -r -f -a "next-open\t'At the open of the bar after the signal'
close\t'At the close that gives the signal'"
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l risk-free -d 'The yearly rate without risk, 0.04 for 4 % [default: 0]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l column -d 'The column of prices: open, high, low, close or adj_close [default: close]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l top -d 'Only the best N sets of each symbol, the best first' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l by -d 'What is best, a field of the records: the greatest, of drawdowns the least [default: sharpe]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l walk-forward -d 'Choose the best set on some bars, try it on those after them, and so on' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l max-combinations -d 'Refuse to run more backtests than this [default: 100000000]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l html -d 'Also write a page with a heat map and the best set\'s curve of each symbol to FILE' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l svg -d 'Also write these pictures as SVG files, two for each symbol, into DIR' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -l sort -d 'Put the bars of each symbol in the order of their dates'
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand backtest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -f -a "list" -d 'List the known models: what they are, their size and licence, and whether they are here'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -f -a "show" -d 'Show everything known of one model: classes, files, checksums, memory'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -f -a "pull" -d 'Download a model, verify it and write its checksums into a lock file'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and not __fish_seen_subcommand_from list show pull verify" -f -a "verify" -d 'Check the files of a model against their checksums, and that its weights are whole'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -l revision -d 'A commit, branch, tag or refs/pr/N [default: the one that Fillrate pins]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand models; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -l format -d 'How to write the result [default: table on a terminal, jsonl in a pipe]' -r -f -a "table\t'Columns for a reader'
json\t'One JSON document'
jsonl\t'One JSON object per line'
csv\t'Comma-separated values with a header'
parquet\t'Apache Parquet'"
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -s o -l output -d 'Write to FILE instead of standard output; its extension sets the format' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N [default: auto]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -l threads -d 'Threads to compute with [default: one per physical core this process may use]' -r
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -l config -d 'Read settings from FILE [default: fillrate.toml here, if it exists]' -r -F
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -s q -l quiet -d 'Say nothing but errors'
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -s v -l verbose -d 'Say more about what is done and why'
complete -c fillrate -n "__fish_fillrate_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
