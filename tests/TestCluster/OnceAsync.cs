namespace TestCluster;

/// <summary>A value that is made once, by whoever asks first; a failure is not kept, the next one tries again.</summary>
public sealed class OnceAsync<T>(Func<Task<T>> make)
{
    private readonly Lock _gate = new();
    private Task<T>? _value;

    public bool HasValue => _value is { IsCompletedSuccessfully: true };

    public Task<T> GetAsync()
    {
        lock (_gate)
        {
            if (_value is null or { IsFaulted: true } or { IsCanceled: true })
                _value = Task.Run(make);
            return _value;
        }
    }
}
