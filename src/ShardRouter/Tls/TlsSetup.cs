using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace ShardRouter.Tls;

/// <summary>Makes a port speak TLS.</summary>
internal static class TlsSetup
{
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(10);

    public static void AddTls(this WebApplicationBuilder builder, ServerCertificate certificate)
    {
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton(certificate).AddHostedService<CertificateRenewal>();
    }

    /// <summary>Each handshake takes the certificate of its moment. Whoever does not begin with one is cut off.</summary>
    public static void UseTls(this ListenOptions listen, ServerCertificate certificate) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = _ => ValueTask.FromResult(certificate.Options),
        HandshakeTimeout = HandshakeLimit,
    });
}
