using System.Text.Json;
using ShardAdmin.Failures;
using ShardAdmin.Settings;
using Spectre.Console;

namespace ShardAdmin.Output;

/// <summary>Writes results to stdout and everything else to stderr: tables for people, JSON for programs.</summary>
internal sealed class AdminOutput(AdminProcess process, AdminSettings settings)
{
    /// <summary>Wide enough that no table wraps when a program or a file reads it.</summary>
    private const int WidthWithoutTerminal = 4000;

    private static readonly TimeSpan LiveInterval = TimeSpan.FromMilliseconds(250);

    private readonly IAnsiConsole _results = ConsoleFor(process.Out, process.OutIsTerminal, settings.NoColor);
    private readonly IAnsiConsole _notes = ConsoleFor(process.Error, process.ErrorIsTerminal, settings.NoColor);

    private readonly TypedName _name = new(process);

    public bool ShowsTable => settings.Format == OutputFormat.Table;

    /// <summary>Whether a live display can be drawn over itself.</summary>
    public bool IsLive => ShowsTable && process.OutIsTerminal;

    public IAnsiConsole Results => _results;

    /// <summary>Writes the one result of a command.</summary>
    public void Write<T>(T result, Action<IAnsiConsole> table)
    {
        if (settings.Format == OutputFormat.Table)
            table(_results);
        else
            process.Out.WriteLine(
                JsonSerializer.Serialize(result, settings.Format == OutputFormat.Json ? AdminJson.Indented : AdminJson.OneLine));
    }

    /// <summary>Writes the result of a command that lists things. ndjson has one line per element.</summary>
    public void WriteList<TList, TItem>(TList result, IEnumerable<TItem> items, Action<IAnsiConsole> table)
    {
        if (settings.Format != OutputFormat.NdJson)
            Write(result, table);
        else
            foreach (var item in items)
                process.Out.WriteLine(JsonSerializer.Serialize(item, AdminJson.OneLine));
    }

    /// <summary>Writes one of many events that happen while the command runs: a line of text, or one line of JSON.</summary>
    public void WriteEvent<T>(T what, string line)
    {
        if (settings.Format == OutputFormat.Table)
            process.Out.WriteLine(line);
        else
            process.Out.WriteLine(JsonSerializer.Serialize(what, AdminJson.OneLine));
    }

    /// <summary>Writes findings for people, with the commands that repair them.</summary>
    public void Render(IEnumerable<Finding> findings) =>
        Findings.Render(_results, findings.Select(each => each with
        {
            Detail = _name.In(each.Detail),
            Mend = each.Mend is null ? null : _name.In(each.Mend),
        }));

    /// <summary>Writes a document unchanged, byte for byte.</summary>
    public void WriteDocument(string text) => process.Out.WriteLine(text);

    /// <summary>Tells people about progress; writes nothing with -q.</summary>
    public void Note(string text)
    {
        if (!settings.Quiet)
            _notes.MarkupLine($"[grey]{Markup.Escape(_name.In(text))}[/]");
    }

    public void Warn(string text) => _notes.MarkupLine($"[yellow]warning:[/] {Markup.Escape(_name.In(HiddenSecrets.In(text)))}");

    /// <summary>What people typed comes back in many messages, so secrets are taken out here, once for all.</summary>
    public void Fail(Failure failure, Exception? exception)
    {
        failure = failure with
        {
            Problem = HiddenSecrets.In(failure.Problem),
            Untouched = failure.Untouched is { } untouched ? HiddenSecrets.In(untouched) : null,
            Next = HiddenSecrets.In(failure.Next),
        };
        if (ShowsTable)
        {
            _notes.MarkupLine($"[red]error:[/] {Markup.Escape(_name.In(failure.Problem))}");
            _notes.MarkupLine($"       {Markup.Escape(_name.In(failure.Untouched ?? ""))}");
            _notes.MarkupLine($"[green]next:[/]  {Markup.Escape(_name.In(failure.Next))}");
        }
        else
        {
            var error = new { failure.Code, Exit = (int)failure.Code, failure.Problem, failure.Untouched, Next = _name.In(failure.Next) };
            process.Error.WriteLine(JsonSerializer.Serialize(new { ok = false, error }, AdminJson.OneLine));
        }
        if (settings.Verbose && exception is not null)
            process.Error.WriteLine(HiddenSecrets.In(exception.ToString()));
    }

    /// <summary>Asks for confirmation before a change that cannot be undone.</summary>
    /// <exception cref="CommandFailedException">Nobody can be asked, or the answer is no.</exception>
    public async Task ConfirmAsync(string question, bool yes, string retry, CancellationToken cancellation)
    {
        if (yes)
            return;
        if (settings.NoInput)
            throw new CommandFailedException(ExitCode.Usage, $"{question} There is nobody to ask; --yes answers it.", retry + " --yes");
        _notes.Markup($"{Markup.Escape(question)} Type [bold]yes[/]: ");
        var answer = await process.In.ReadLineAsync(cancellation);
        if (answer?.Trim() is not ("yes" or "y"))
            throw new CommandFailedException(ExitCode.NotAllowed, "The answer was not yes.", retry);
    }

    /// <summary>Shows a progress bar on a terminal, and elsewhere a line now and then; shows nothing with -q.</summary>
    public async Task<T> WithProgressAsync<T>(string title, double total, Func<Action<double>, Task<T>> work)
    {
        if (settings.Quiet)
            return await work(_ => { });
        if (!process.ErrorIsTerminal)
        {
            var lines = new ProgressLines(title, total, Note);
            return await work(lines.Advance);
        }
        return await _notes.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, total));
                return await work(done => task.Increment(done));
            });
    }

    /// <summary>
    /// Shows a picture that changes while the work goes on. Where no picture can be drawn, it writes lines now and then; with -q nothing.
    /// </summary>
    /// <param name="changes">Returns the lines since its last call.</param>
    public async Task WithLiveAsync(
        Func<Spectre.Console.Rendering.IRenderable> picture, Func<IReadOnlyList<string>> changes, Func<Task> work)
    {
        var working = work();
        if (settings.Quiet)
        {
            await working;
            return;
        }
        if (process.ErrorIsTerminal && ShowsTable)
            await _notes.Live(picture()).AutoClear(true).StartAsync(async context =>
            {
                while (await Task.WhenAny(working, Task.Delay(LiveInterval)) != working)
                {
                    changes();
                    context.UpdateTarget(picture());
                }
            });
        else
            do
            {
                await Task.WhenAny(working, Task.Delay(LiveInterval));
                foreach (var line in changes())
                    Note(line);
            }
            while (!working.IsCompleted);
        await working;
    }

    private static IAnsiConsole ConsoleFor(TextWriter writer, bool isTerminal, bool noColor)
    {
        var colors = isTerminal && !noColor;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isTerminal && !noColor ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = colors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!isTerminal)
            console.Profile.Width = WidthWithoutTerminal;
        return console;
    }
}
