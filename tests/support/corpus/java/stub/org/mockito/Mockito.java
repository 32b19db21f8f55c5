package org.mockito;

import org.mockito.stubbing.OngoingStubbing;
import org.mockito.stubbing.Stubber;

public final class Mockito {
    private Mockito() {}

    public static <T> T mock(Class<T> type) {
        return null;
    }

    public static <T> OngoingStubbing<T> when(T asked) {
        return new OngoingStubbing<>();
    }

    public static Stubber doReturn(Object answer) {
        return new Stubber();
    }

    public static <T> T verify(T mock) {
        return mock;
    }
}
