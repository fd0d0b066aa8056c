using System.Net.Sockets;
using Fuzz.Making;

namespace Fuzz.Sending;

/// <summary>Sends cases to one door of the service, and takes what comes back.</summary>
internal sealed class FuzzConnection(Uri server) : IDisposable
{
    /// <summary>More than any request may take, and more than a server waits for the rest of one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan PatienceWithNoise = TimeSpan.FromSeconds(2);

    private Socket? _socket;

    /// <summary>Answers to a case of known answers; the connection is used again if they allow it.</summary>
    /// <exception cref="FormatException">What came is no answer.</exception>
    /// <exception cref="TimeoutException">An answer is missing.</exception>
    /// <exception cref="SocketException">The connection was broken off.</exception>
    public async Task<IReadOnlyList<ReceivedAnswer>> ExchangeAsync(FuzzCase sent)
    {
        var isFresh = _socket is null;
        var received = await TryExchangeAsync(sent);
        // The server may close an idle connection just when the next request goes out.
        if (received.Count == 0 && !isFresh)
            received = await TryExchangeAsync(sent);
        return received;
    }

    /// <summary>Sends bytes of which nobody knows what they are, and takes all that comes until the server has closed or is silent.</summary>
    public async Task<byte[]> ThrowAsync(byte[] bytes)
    {
        using var socket = await OpenAsync();
        using var limit = new CancellationTokenSource(PatienceWithNoise);
        var received = new MemoryStream();
        try
        {
            var sending = SendAsync(socket, bytes, limit.Token);
            var buffer = new byte[16 * 1024];
            var hasEnded = false;
            while (await socket.ReceiveAsync(buffer, limit.Token) is var count && count > 0)
            {
                received.Write(buffer, 0, count);
                if (sending.IsCompletedSuccessfully && !hasEnded)
                {
                    hasEnded = true;
                    socket.Shutdown(SocketShutdown.Send);
                }
            }
            await sending;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // it closes what it does not understand, or waits for more
        }
        return received.ToArray();
    }

    /// <summary>Sends bytes in pieces and breaks the connection off without a look at the answer.</summary>
    public async Task BreakOffAsync(byte[] bytes, Chance chance)
    {
        using var socket = await OpenAsync();
        using var limit = new CancellationTokenSource(PatienceWithNoise);
        try
        {
            foreach (var piece in bytes.Chunk(Math.Max(1, bytes.Length / (1 + chance.Below(4)))))
            {
                await SendAsync(socket, piece, limit.Token);
                await Task.Delay(chance.Below(30), limit.Token);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // it need not take all of it
        }
        if (chance.OneIn(2))
            socket.LingerState = new LingerOption(true, 0); // a reset instead of an ordinary end
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private async Task<List<ReceivedAnswer>> TryExchangeAsync(FuzzCase sent)
    {
        var answers = new List<ReceivedAnswer>();
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            _socket ??= await OpenAsync();
            var sending = SendAsync(_socket, sent.Bytes, limit.Token);
            await ReceiveAsync(_socket, sent, answers, limit.Token);
            if (!sending.IsCompletedSuccessfully || !answers.TrueForAll(answer => answer.KeepsConnection))
                Dispose(); // it answered before it had read everything, or closes
            await ((Task)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException e)
        {
            Dispose();
            throw new TimeoutException($"No answer within {Patience.TotalSeconds} s.", e);
        }
        catch (SocketException) when (answers.Count == 0)
        {
            Dispose();
        }
        return answers;
    }

    private async Task ReceiveAsync(Socket socket, FuzzCase sent, List<ReceivedAnswer> answers, CancellationToken limit)
    {
        var buffer = new byte[64 * 1024];
        for (var (length, isEnd) = (0, false); ;)
        {
            while (ReceivedAnswer.TryRead(buffer.AsSpan(0, length), sent.Request?.Method == "HEAD", isEnd) is { } read)
            {
                if (read.Answer.Status >= 200)
                    answers.Add(read.Answer);
                Buffer.BlockCopy(buffer, read.Length, buffer, 0, length -= read.Length);
                if (answers.Count == sent.Answers || (read.Answer.Status >= 200 && !read.Answer.KeepsConnection))
                    return;
            }
            if (isEnd)
            {
                Dispose();
                return;
            }
            if (length == buffer.Length)
                Array.Resize(ref buffer, length * 2);
            var count = await socket.ReceiveAsync(buffer.AsMemory(length), limit);
            (length, isEnd) = (length + count, count == 0);
        }
    }

    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken limit)
    {
        for (var sent = 0; sent < bytes.Length;)
            sent += await socket.SendAsync(bytes.AsMemory(sent), SocketFlags.None, limit);
    }

    private async Task<Socket> OpenAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
