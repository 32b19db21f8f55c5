package org.mockito.stubbing;

public class OngoingStubbing<T> {
    public OngoingStubbing<T> thenReturn(T answer) {
        return this;
    }
}
