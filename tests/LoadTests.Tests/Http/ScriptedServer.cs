using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LoadTests.Tests.Http;

/// <summary>A server that answers each request with the next of some parts, sent one by one; an empty part closes the connection.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Queue<string[]> _answers;
    private readonly Task _serving;

    public ScriptedServer(params string[][] answers)
    {
        _answers = new(answers);
        _listener.Start();
        _serving = ServeAsync();
    }

    public Uri Url => new(FormattableString.Invariant($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/"));

    public int Connections { get; private set; }

    public List<string> Requests { get; } = [];

    private async Task ServeAsync()
    {
        while (_answers.Count > 0)
        {
            using var client = await _listener.AcceptSocketAsync();
            client.NoDelay = true;
            Connections++;
            while (_answers.Count > 0 && await AnswerAsync(client))
            {
            }
        }
    }

    private async Task<bool> AnswerAsync(Socket client)
    {
        var buffer = new byte[65536];
        var length = await client.ReceiveAsync(buffer);
        if (length == 0)
            return false;
        Requests.Add(Encoding.ASCII.GetString(buffer, 0, length));
        foreach (var part in _answers.Dequeue())
        {
            if (part.Length == 0)
                return false;
            await client.SendAsync(Encoding.ASCII.GetBytes(part));
            await Task.Delay(20); // so that the parts arrive as parts
        }
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
