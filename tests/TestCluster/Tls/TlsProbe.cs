using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace TestCluster;

/// <summary>Begins a TLS connection and sees what it is shown.</summary>
public static class TlsProbe
{
    private static readonly byte[] PostgresRequest = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]; // SSLRequest

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <param name="policy">What is believed.</param>
    /// <param name="isPostgres">Whether TLS has to be asked for first, as Postgres wants it.</param>
    /// <returns>The serial number of the server's certificate.</returns>
    /// <exception cref="System.Security.Authentication.AuthenticationException">It is not believed.</exception>
    public static async Task<string> SerialOfAsync(string host, int port, X509ChainPolicy policy, bool isPostgres = false)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, limit.Token);
        if (isPostgres)
            await AskPostgresAsync(client.GetStream(), limit.Token);
        await using var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, CertificateChainPolicy = policy }, limit.Token);
        return stream.RemoteCertificate!.GetSerialNumberString();
    }

    /// <returns>Whether a server answers anything to a request without TLS; cutting it off is no answer.</returns>
    public static async Task<bool> AnswersPlainlyAsync(string host, int port, string request)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, limit.Token);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(request), limit.Token);
            var first = new byte[1];
            // A TLS server may send an alert, which is a record of type 21, before it cuts off.
            return await stream.ReadAsync(first, limit.Token) > 0 && first[0] != 21;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task AskPostgresAsync(NetworkStream stream, CancellationToken cancellation)
    {
        await stream.WriteAsync(PostgresRequest, cancellation);
        var answer = new byte[1];
        await stream.ReadExactlyAsync(answer, cancellation);
        if (answer[0] != 'S')
            throw new InvalidOperationException("Postgres does not speak TLS.");
    }
}
