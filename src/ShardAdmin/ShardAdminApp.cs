using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ShardAdmin.Auditing;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Settings;

namespace ShardAdmin;

/// <summary>The command line as a function: it takes arguments and a process, and returns an exit code.</summary>
internal static class ShardAdminApp
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, AdminProcess process, CancellationToken interrupt)
    {
        var global = new GlobalOptions(process);
        var parse = CommandTable.Build(global).Parse(arguments);
        if (parse.Action is ParseErrorAction || (parse.Action is null && parse.Errors.Count > 0))
            return (int)Misused(parse, arguments, process);
        if (parse is { Action: null, CommandResult.Command: AdminCommand command })
            return (int)await RunAsync(command, parse, global.Read(parse), arguments, process, interrupt);
        return await parse.InvokeAsync(
            new InvocationConfiguration { Output = process.Out, Error = process.Error, ProcessTerminationTimeout = null }, interrupt);
    }

    private static async Task<ExitCode> RunAsync(
        AdminCommand command, ParseResult parse, AdminSettings settings, IReadOnlyList<string> arguments, AdminProcess process,
        CancellationToken interrupt)
    {
        var output = new AdminOutput(process, settings);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        if (settings.Timeout is { } timeout)
            limit.CancelAfter(timeout);
        if (settings.Format == OutputFormat.Json && command.Streams(parse))
        {
            output.Fail(
                new Failure(
                    ExitCode.Usage, "-o json is one document, and this command writes one result after the other.", "Nothing was changed.",
                    AsLines(arguments)),
                null);
            return ExitCode.Usage;
        }
        await using var session = await AdminSession.OpenAsync(settings, output, Failpoint.From(process));
        var audit = command.Changes(parse) ? new AuditLog(session, CommandText.Of(arguments)) : null;
        try
        {
            await (audit?.BeginAsync() ?? Task.CompletedTask);
            var code = await command.ExecuteAsync(parse, session, limit.Token);
            await (audit?.EndAsync(code == ExitCode.Done ? "ok" : $"exit {(int)code}") ?? Task.CompletedTask);
            return code;
        }
        catch (Exception e)
        {
            // After the time limit every exception is a consequence of the cancellation.
            var timedOut = limit.IsCancellationRequested && !interrupt.IsCancellationRequested;
            var cause = limit.IsCancellationRequested && e is not CommandFailedException ? new OperationCanceledException("", e) : e;
            var failure = ExitCodes.FailureOf(cause, session.LeftOff, session.CarryOn ?? CommandText.Of(arguments), timedOut);
            output.Fail(failure, e);
            await (audit?.EndAsync($"exit {(int)failure.Code}: {HiddenSecrets.In(failure.Problem)}") ?? Task.CompletedTask);
            return failure.Code;
        }
    }

    /// <summary>The same command with ndjson, which it can write.</summary>
    private static string AsLines(IEnumerable<string> arguments) => CommandText.Of(arguments.Select(argument =>
        argument == "json" || argument.StartsWith("-o", StringComparison.Ordinal)
            || argument.StartsWith("--output", StringComparison.Ordinal)
            ? argument.Replace("json", "ndjson", StringComparison.Ordinal)
            : argument));

    /// <summary>A command that is misspelt is not missing as well.</summary>
    private static bool IsAside(ParseError error, ParseResult parse) =>
        parse.UnmatchedTokens.Count > 0 && error.SymbolResult is CommandResult { Command.Subcommands.Count: > 0 }
        && !parse.UnmatchedTokens.Any(word => error.Message.Contains(word, StringComparison.Ordinal));

    private static ExitCode Misused(ParseResult parse, IReadOnlyList<string> arguments, AdminProcess process)
    {
        var output = new AdminOutput(process, AdminSettings.BeforeParsing(arguments));
        var problem = string.Join(
            " ", parse.Errors.Where(error => !IsAside(error, parse)).Select(error => error.Message).Distinct(StringComparer.Ordinal));
        output.Fail(new Failure(ExitCode.Usage, problem + Suggestion.For(parse), "Nothing was changed.", CommandText.HelpFor(parse)), null);
        return ExitCode.Usage;
    }
}
