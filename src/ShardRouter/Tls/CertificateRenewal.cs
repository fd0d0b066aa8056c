using System.Diagnostics.Metrics;
using ShardRouter.Telemetry;

namespace ShardRouter.Tls;

/// <summary>
/// Looks every second whether the files have another certificate. One that cannot be read changes nothing: the former one stays in use.
/// </summary>
internal sealed partial class CertificateRenewal : BackgroundService
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarnAhead = TimeSpan.FromDays(14);

    private readonly ServerCertificate _certificate;
    private readonly TimeProvider _time;
    private readonly ILogger<CertificateRenewal> _log;
    private readonly Meter _meter = new(RouterMetrics.MeterName);
    private string? _complained;

    public CertificateRenewal(ServerCertificate certificate, TimeProvider time, ILogger<CertificateRenewal> log)
    {
        (_certificate, _time, _log) = (certificate, time, log);
        _meter.CreateObservableGauge(
            "sharding.tls.certificate.expiry", () => certificate.NotAfter.ToUnixTimeSeconds(), "s",
            "When the certificate of the data port ends, in seconds since 1970.");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Tell();
        using var timer = new PeriodicTimer(LookInterval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await LookAsync(stoppingToken);
    }

    private async Task LookAsync(CancellationToken stop)
    {
        try
        {
            if (await _certificate.LookAsync(stop))
                Tell();
            _complained = null;
        }
        catch (Exception e) when (ServerCertificate.IsUnusable(e))
        {
            if (_complained != e.Message)
                LogNotRead(_complained = e.Message);
        }
    }

    private void Tell()
    {
        if (_certificate.NotAfter - _time.GetUtcNow() < WarnAhead)
            LogEndsSoon(_certificate.NotAfter);
        else
            LogRead(_certificate.NotAfter);
    }

    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    [LoggerMessage(LogLevel.Information, "The data port speaks TLS. Its certificate is valid until {NotAfter:u}")]
    private partial void LogRead(DateTimeOffset notAfter);

    [LoggerMessage(LogLevel.Warning, "The data port speaks TLS. Its certificate ends soon, or has ended: {NotAfter:u}")]
    private partial void LogEndsSoon(DateTimeOffset notAfter);

    [LoggerMessage(LogLevel.Error, "SHARDING_TLS_CERT and SHARDING_TLS_KEY cannot be used, the former certificate stays in use: {Reason}")]
    private partial void LogNotRead(string reason);
}
