using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Fuzz.Contract;
using Fuzz.Judging;
using Fuzz.Making;
using Fuzz.Sending;

namespace Fuzz;

/// <summary>
/// Sends bad input to a running service, and right requests beside it. In the end the routers must live, hold nothing, and have logged no
/// error.
/// </summary>
internal sealed class FuzzRun
{
    private const int Clients = 6;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(10);

    private readonly FuzzTarget _target;
    private readonly int _seed;
    private readonly TextWriter _log;
    private readonly Findings _findings;
    private readonly AnswerJudge _judge;
    private readonly FuzzCases _cases;
    private readonly Harvest _harvest = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly int[] _byClass = new int[10];
    private long _next;

    /// <param name="folder">For the bytes of what fails.</param>
    public FuzzRun(FuzzTarget target, int seed, string folder, TextWriter log)
    {
        (_target, _seed, _log, _findings) = (target, seed, log, new Findings(folder));
        var contract = ApiContract.Load();
        _judge = new AnswerJudge(contract);
        _cases = new FuzzCases(new RequestMaker(contract, _harvest, target.Key), seed);
    }

    public long Cases => Volatile.Read(ref _next);

    /// <returns>What is wrong with the service; empty: nothing.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(TimeSpan duration, CancellationToken interrupt)
    {
        var right = new RightRequests(_target, _findings);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        stop.CancelAfter(duration);
        var beside = Task.WhenAll(right.RunAsync(stop.Token), TellProgressAsync(stop.Token));
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => SendAsync(client, stop.Token)));
        await beside;
        if (right.Answered == 0)
            _findings.Add("no right request was answered");
        Tell(string.Create(CultureInfo.InvariantCulture, $"{right.Answered} right writes were read again. The routers are examined."));
        List<string> problems = [.. _findings.Lines];
        foreach (var router in _target.Routers)
            problems.AddRange(await router.ExamineAsync());
        return problems;
    }

    private async Task SendAsync(int client, CancellationToken stop)
    {
        var connections = _target.Doors.Select(door => new FuzzConnection(door)).ToArray();
        while (!stop.IsCancellationRequested && !_target.Routers.Any(router => router.IsGone))
        {
            var number = Interlocked.Increment(ref _next) - 1;
            await TryAsync(connections[(number + client) % connections.Length], number < KnownCases.All.Count ? KnownCases.All[(int)number] : _cases.Make(number), number);
        }
        foreach (var connection in connections)
            connection.Dispose();
    }

    private async Task TryAsync(FuzzConnection connection, FuzzCase sent, long number)
    {
        try
        {
            switch (sent.Kind)
            {
                case CaseKind.Mutated or CaseKind.Noise:
                    var received = Encoding.UTF8.GetString(await connection.ThrowAsync(sent.Bytes));
                    if (AnswerJudge.JudgeUnknown(sent, received) is { } unknown)
                        _findings.Add($"{sent.Kind}: {unknown}", sent, number, received);
                    break;
                case CaseKind.BrokenOff:
                    await connection.BreakOffAsync(sent.Bytes, new Chance(_seed, number));
                    break;
                default:
                    var answers = await connection.ExchangeAsync(sent);
                    Learn(answers);
                    if (_judge.Judge(sent, answers) is { } wrong)
                        _findings.Add($"{sent.Kind}: {wrong}", sent, number, string.Join('\n', answers.Select(answer => answer.Head + "\n" + answer.BodyText)));
                    break;
            }
        }
        catch (Exception e) when (e is FormatException or TimeoutException or SocketException)
        {
            connection.Dispose();
            _findings.Add($"{sent.Kind}: {e.GetType().Name}", sent, number, e.ToString());
        }
    }

    private void Learn(IReadOnlyList<ReceivedAnswer> answers)
    {
        foreach (var answer in answers)
        {
            Interlocked.Increment(ref _byClass[Math.Clamp(answer.Status / 100, 0, 9)]);
            if (answer.Status < 300)
                _harvest.Gather(answer.Head + "\n" + (answer.Body.Length < 100_000 ? answer.BodyText : ""));
        }
    }

    private async Task TellProgressAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(ProgressInterval, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Tell(string.Create(
                CultureInfo.InvariantCulture,
                $"{Cases:#,0} cases; answers 2xx {_byClass[2]:#,0}, 3xx {_byClass[3]:#,0}, 4xx {_byClass[4]:#,0}, 5xx {_byClass[5]:#,0}; {_findings.Count} findings; {string.Join(", ", _target.Routers.Select(router => string.Create(CultureInfo.InvariantCulture, $"{router.Name} {router.Mebibytes:0} MiB")))}"));
        }
    }

    private void Tell(string line) => _log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,8:0.0} s  {line}"));
}
