using System.CommandLine;
using System.CommandLine.Invocation;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Shards;

namespace ShardAdmin;

/// <summary>The command line as a function: arguments and a process in, an exit code out.</summary>
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
        AdminCommand command, ParseResult parse, AdminSettings settings, IReadOnlyList<string> arguments, AdminProcess process, CancellationToken interrupt)
    {
        var output = new AdminOutput(process, settings);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        if (settings.Timeout is { } timeout)
            limit.CancelAfter(timeout);
        if (settings.Format == OutputFormat.Json && command.Streams(parse))
        {
            output.Fail(new Failure(ExitCode.Usage, "-o json is one document, and this command writes one result after the other.", "Nothing was changed.", AsLines(arguments)), null);
            return ExitCode.Usage;
        }
        await using var session = await AdminSession.OpenAsync(settings, output, Failpoint.From(process));
        try
        {
            return await command.ExecuteAsync(parse, session, limit.Token);
        }
        catch (Exception e)
        {
            // Once the time is over, whatever broke broke because of that.
            var timedOut = limit.IsCancellationRequested && !interrupt.IsCancellationRequested;
            var cause = limit.IsCancellationRequested && e is not CommandFailedException ? new OperationCanceledException("", e) : e;
            var failure = ExitCodes.FailureOf(cause, session.LeftOff, session.CarryOn ?? CommandText.Of(arguments), timedOut);
            output.Fail(failure, e);
            return failure.Code;
        }
    }

    /// <summary>The same command with the format that it can write.</summary>
    private static string AsLines(IEnumerable<string> arguments) => CommandText.Of(arguments.Select(argument =>
        argument == "json" || argument.StartsWith("-o", StringComparison.Ordinal) || argument.StartsWith("--output", StringComparison.Ordinal)
            ? argument.Replace("json", "ndjson", StringComparison.Ordinal)
            : argument));

    private static ExitCode Misused(ParseResult parse, IReadOnlyList<string> arguments, AdminProcess process)
    {
        var output = new AdminOutput(process, AdminSettings.BeforeParsing(arguments));
        var problem = string.Join(" ", parse.Errors.Select(error => error.Message).Distinct(StringComparer.Ordinal));
        output.Fail(new Failure(ExitCode.Usage, problem, "Nothing was changed.", CommandText.HelpFor(parse)), null);
        return ExitCode.Usage;
    }
}
